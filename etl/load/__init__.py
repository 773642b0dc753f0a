"""Writes: to Profiles, to eMoney, to the CRM of another office, and to the ledger.

Enter by `profiles.deliver`, `emoney.deliver` and `emoney.feed`. Both deliveries share the skeleton in `delivery`.
"""

"""eMoney: the people of a client by calls, and its values by the nightly feed.

Enter by `deliver` and `feed`. `client` knows the API.
"""

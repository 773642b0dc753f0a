"""The sandbox of eMoney: clients, connections, the nightly feed and linked accounts, as a service of its own."""

"""Every compiled function: arrays in, arrays out; nothing above this room is imported here."""

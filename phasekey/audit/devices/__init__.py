"""What can be attacked: each is a `phasekey.audit.scene.Device`, arrays in and arrays out."""

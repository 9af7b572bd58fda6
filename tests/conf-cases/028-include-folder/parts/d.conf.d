=no config

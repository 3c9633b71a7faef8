"""A worker in shaken surroundings: the same trial by the same code, while what must not matter is moved and watched."""

"""`swarm worker deploy`: a worker installed and joined on another machine, over the system's own ssh.

`target` names the machine, `ssh` runs commands there, `there` is the program that looks at it, `plan` decides what is
to be done, `wheel` packs this version, `steps` does it.
"""

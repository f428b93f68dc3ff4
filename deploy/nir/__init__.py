"""Export to NIR, the Neuromorphic Intermediate Representation (Pedersen et al., 2024), and back.

    nc.deploy.nir.write(chip, "network.nir")            # floats for every tool, integers for ours
    net = nc.from_nir("network.nir")                    # layers, neurons and float weights
    chip = nc.deploy.nir.read_chip("network.nir")       # the same chip, bit for bit

NIR describes neurons in continuous time, tau dv/dt = (v_leak - v) + R I. Here, and in most tools, a
step of length dt is Euler's: v <- (1 - dt/tau) v + (dt/tau) (v_leak + R I). So lam = 1 - dt/tau,
and the factor R dt/tau and the leak's other end go into weights and biases. NIR's neurons fire
where v > v_threshold and their reset is hard; what differs goes along as metadata of a node:
`reset` ("soft" or "hard"), `fires` (">=" or ">"), and `lam` itself, which a division doesn't bring
back bit for bit. Currents that outlive a step are a CubaLIF's: `current_lam` is 1 - dt/tau_syn, and
w_in dt/tau_syn a factor of the weights; a bias is no part of our currents, so it becomes v_leak.
"""

from __future__ import annotations

from neurochip.deploy.nir.chips import compare, read_chip, write
from neurochip.deploy.nir.graph import write_network
from neurochip.deploy.nir.layers import from_nir

__all__ = ["compare", "from_nir", "read_chip", "write", "write_network"]

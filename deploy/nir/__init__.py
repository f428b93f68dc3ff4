"""Export to NIR, the Neuromorphic Intermediate Representation (Pedersen et al., 2024), and back.

    nc.deploy.nir.write(chip, "network.nir")            # floats for every tool, integers for ours
    net = nc.from_nir("network.nir")                    # layers, neurons and float weights
    chip = nc.deploy.nir.read_chip("network.nir")       # the same chip, bit for bit

Nodes: Affine, Linear, Conv2d, SumPool2d, AvgPool2d, Flatten, Scale, Threshold, LIF, CubaLIF, IF,
LI, graphs inside a graph, and edges back. What a network can't say is refused with the node's name.

NIR describes neurons in continuous time, tau dv/dt = (v_leak - v) + R I. Here, and in most tools, a
step of length dt is Euler's: v <- (1 - dt/tau) v + (dt/tau) (v_leak + R I). So lam = 1 - dt/tau,
and the factor R dt/tau and the leak's other end go into weights and biases. An IF has lam = 1, and
R dt goes into its weights. NIR's neurons fire where v > v_threshold and their reset is hard; what
differs goes along as metadata of a node: `reset` ("soft" or "hard"), `fires` (">=" or ">"), and
`lam` itself, which a division doesn't bring back bit for bit. Currents that outlive a step are a
CubaLIF's: `current_lam` is 1 - dt/tau_syn, and w_in dt/tau_syn a factor of the weights; a bias is
no part of our currents, so it becomes v_leak. A sum of squares times a factor is a SumPool2d and a
Scale. A Flatten of what is flat already isn't written. Edges back bring spikes of the step before;
the bias of weights on the way joins that of the weights at its end.

What the files of other tools mean, from their exporters, and how `from_nir` reads it:

    tool          tau in        an input counts     reset              read with
    snnTorch      s, dt = 1e-4  whole (R = tau/dt)  soft, a step late  dt=1e-4, reset="soft" (1)
    Norse         s, dt = 1e-3  dt/tau (R = 1)      hard, to v_reset   dt=1e-3 (2)
    Sinabs        steps         1 - exp(-1/tau)     soft               reset="soft",
                                                                       decay="exponential" (3)
    SpikingJelly  s, dt = 1e-4  dt/tau or whole     hard, to v_reset   dt=1e-4 (4)
    lava-dl       s, dt = 1e-4  whole               hard, to 0         dt=1e-4 (5)

(1) The same spikes for reset_delay=False ("subtract" with reset="soft", "zero" with reset="hard"),
and for Leaky's "zero" in any case. By default the threshold is taken off after the next step's
leak, so that a membrane here is (1 - beta) v_threshold higher than there. The file doesn't say
which it is. RSynaptic resets late in any case. Beta and threshold must be given neuron by neuron:
NIR's types refuse one number for all.
(2) LIFBox, LIBox and IAF run the same (IAF knows no dt: read it with dt=1). LIFCell adds inputs
whole to its currents but is written with w_in = 1, which is dt/tau_syn of that: multiply w_in by
tau_syn/dt.
(3) With norm_input (else divide R by 1 - exp(-1/tau)) and spike_fn=SingleSpike: MultiSpike, the
default, fires several times a step, and min_v_mem bounds membranes from below; a network does
neither.
(4) Whether an input is divided by tau (decay_input) is in R. Membranes begin at v_reset there, at 0
here. Sinabs, SpikingJelly and lava-dl fire at the threshold itself, NIR and `from_nir` above it.
(5) lava-dl has no exporter; the numbers are those of the NIR paper's scripts. It rounds states to
its `scale`, a network doesn't.
"""

from __future__ import annotations

from neurochip.deploy.nir.chips import compare, read_chip, write
from neurochip.deploy.nir.graph import write_network
from neurochip.deploy.nir.layers import from_nir

__all__ = ["compare", "from_nir", "read_chip", "write", "write_network"]

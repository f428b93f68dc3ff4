"""What a network can't say of a NIR graph is refused, with the node's name and a remedy."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import neurochip as nc
from neurochip.errors import ConfigError, NetworkError

from .nir_graphs import B1, W1, W2, current_based, lif, nir, refusal, saved


def test_integrators_are_refused(tmp_path):
    assert refusal(saved(tmp_path, nir.Affine(W1, B1), nir.I(r=np.ones(4)))) == (
        "node 'i' of the NIR graph is of type I, which a network can't say; give its neurons a "
        "leak (LI)"
    )


def test_a_bias_of_currents_with_a_memory_is_refused(tmp_path):
    assert refusal(saved(tmp_path, nir.Affine(W1, B1), current_based(4))) == (
        "node 'cubalif' of the NIR graph has a current that outlives a step (tau_syn = 2.5 with "
        "dt = 1) and a bias before it, which a network adds to the membrane; set the bias to 0 and "
        "put it into v_leak"
    )


def test_neurons_that_differ_within_a_layer_are_refused(tmp_path):
    neuron = lif(4)
    neuron.v_threshold = np.array([1.0, 1.0, 2.0, 1.0])
    assert refusal(saved(tmp_path, nir.Affine(W1, B1), neuron)) == (
        "neurons of node 'lif' of the NIR graph have thresholds from 1 to 2, but those of a layer "
        "share one; make them equal"
    )


def test_another_dt_is_noticed(tmp_path):
    path = saved(tmp_path, nir.Affine(W1, B1), lif(4, tau=0.01))
    assert refusal(path) == (
        "node 'lif' of the NIR graph has a time constant of 0.01 with dt = 1, so its decay a step "
        "is -99; give the dt that belongs to the file"
    )


def test_a_time_constant_of_zero_is_refused(tmp_path):
    path = saved(tmp_path, nir.Affine(W1, B1), lif(4, tau=0.0))
    assert refusal(path) == (
        "node 'lif' of the NIR graph has a time constant of 0 with dt = 1, so its decay a step is "
        "-inf; give the dt that belongs to the file"
    )


def test_two_inputs_are_refused(tmp_path):
    nodes = {
        "a": nir.Input({"input": np.array([3])}),
        "b": nir.Input({"input": np.array([3])}),
        "w": nir.Affine(W1, B1),
        "output": nir.Output({"output": np.array([4])}),
    }
    path = tmp_path / "two.nir"
    nir.write(path, nir.NIRGraph(nodes, [("a", "w"), ("b", "w"), ("w", "output")]))
    assert refusal(path) == (
        "the NIR graph has 2 inputs and 1 outputs, but a network has one of each; leave one of each"
    )


def test_weights_after_weights_and_neurons_after_neurons_are_refused(tmp_path):
    assert refusal(saved(tmp_path, nir.Affine(W1, B1), nir.Linear(W2))) == (
        "node 'linear' of the NIR graph has weights after other weights; give one layer of weights "
        "between two of neurons"
    )
    assert refusal(saved(tmp_path, nir.Affine(W1, B1), lif(4), lif(4))) == (
        "node 'lif_1' of the NIR graph is of type LIF and has no weights before it; put an Affine, "
        "a Linear or a Conv2d there"
    )
    path = saved(tmp_path, nir.Affine(W1, B1), lif(4), nir.Scale(np.ones(4)))
    assert refusal(path) == (
        "the NIR graph ends with a Scale of what its neurons give, which a network can't say; "
        "remove it"
    )


def test_a_leaky_integrator_in_the_middle_is_a_networks_error(tmp_path):
    neuron = nir.LI(tau=np.full(4, 2.0), r=np.full(4, 2.0), v_leak=np.zeros(4))
    with pytest.raises(NetworkError, match="is a LI in the middle"):
        nc.from_nir(saved(tmp_path, nir.Affine(W1, B1), neuron, nir.Linear(W2)))


def test_what_is_no_nir_file_is_refused(tmp_path):
    path = tmp_path / "some.nir"
    assert refusal(path) == f"{path} does not exist; give the path of a NIR file"
    assert refusal(tmp_path) == f"{tmp_path} is a directory; give the path of a NIR file"
    path.write_bytes(b"no HDF5 at all")
    assert refusal(path) == f"{path} is not an HDF5 file; give the path of a NIR file"
    with h5py.File(path, "w") as file:
        file["some"] = 3
    assert refusal(path).startswith(f"{str(path)!r} can't be read as a NIR file (")
    assert refusal(path).endswith("); give the path of one")


def convolution(shape=(2, 1, 3, 3), stride=1, padding=0, dilation=1, groups=1):
    return nir.Conv2d((6, 6), np.ones(shape), stride, padding, dilation, groups, np.zeros(2))


def squares(kernel, stride, padding=(0, 0)):
    return nir.AvgPool2d(np.array(kernel), np.array(stride), np.array(padding))


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        (
            convolution(groups=2),
            "node 'conv2d' of the NIR graph has 2 groups, but every channel of a Conv2d reads all "
            "below; write its weights with zeros and groups = 1",
        ),
        (
            convolution(dilation=2),
            "node 'conv2d' of the NIR graph has a dilation of 2, but kernels of a Conv2d have no "
            "holes; write them with zeros and dilation = 1",
        ),
        (
            convolution(stride=(1, 2)),
            "node 'conv2d' of the NIR graph has a stride of 1 x 2, but a network's are the same in "
            "both directions; make it square",
        ),
        (
            convolution(padding=(1, 0)),
            "node 'conv2d' of the NIR graph has a padding of 1 x 0, but a network's are the same "
            "in both directions; make it square",
        ),
        (
            convolution(shape=(2, 1, 2, 2), padding="same"),
            "node 'conv2d' of the NIR graph has the padding 'same' with a kernel of 2 and stride "
            "1, which isn't equal on all sides; give it as a number",
        ),
    ],
)
def test_convolutions_that_a_network_cannot_say_are_refused(tmp_path, node, sentence):
    assert refusal(saved(tmp_path, node)) == sentence


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        (
            squares((2, 2), (1, 1)),
            "node 'avgpool2d' of the NIR graph pools squares of 2 with stride 1 and padding 0, but "
            "squares of a network's pools lie side by side; set stride = 2 and padding = 0",
        ),
        (
            squares((2, 2), (2, 2), (1, 1)),
            "node 'avgpool2d' of the NIR graph pools squares of 2 with stride 2 and padding 1, but "
            "squares of a network's pools lie side by side; set stride = 2 and padding = 0",
        ),
        (
            squares((2, 1), (2, 2)),
            "node 'avgpool2d' of the NIR graph has a kernel of 2 x 1, but a network's are the same "
            "in both directions; make it square",
        ),
    ],
)
def test_pools_that_a_network_cannot_say_are_refused(tmp_path, node, sentence):
    assert refusal(saved(tmp_path, convolution(), node)) == sentence


def test_neurons_that_share_weights_share_their_factors(tmp_path):
    neuron = lif((2, 4, 4))
    neuron.r[0, 0, 0] = 3.0
    assert refusal(saved(tmp_path, convolution(), neuron)) == (
        "neurons of node 'lif' of the NIR graph have resistances that differ within a channel, but "
        "they share weights; make them equal there"
    )


def graph(tmp_path, edges, **nodes):
    path = tmp_path / "graph.nir"
    ends = {"input": nir.Input({"input": np.array([3])})}
    ends["output"] = nir.Output({"output": np.array([4])})
    nir.write(path, nir.NIRGraph({**ends, **nodes}, edges))
    return path


ALONG = [("input", "w"), ("w", "lif"), ("lif", "output")]


def test_two_ways_to_the_output_are_refused(tmp_path):
    edges = [*ALONG, ("input", "beside"), ("beside", "lif")]
    path = graph(tmp_path, edges, w=nir.Linear(W1), lif=lif(4), beside=nir.Linear(W1))
    assert refusal(path) == (
        "node 'input' of the NIR graph leads to the output by 2 ways, but layers of a network "
        "follow one another; leave one"
    )


def test_feedback_without_weights_or_through_neurons_is_refused(tmp_path):
    path = graph(tmp_path, [*ALONG, ("lif", "lif")], w=nir.Linear(W1), lif=lif(4))
    assert refusal(path) == (
        "node 'lif' of the NIR graph is fed back to from 'lif' through 0 layers of weights; put "
        "one there"
    )
    edges = [*ALONG, ("lif", "back"), ("back", "lif")]
    path = graph(tmp_path, edges, w=nir.Linear(W1), lif=lif(4), back=lif(4))
    assert refusal(path) == (
        "node 'back' of the NIR graph is a LIF on a way back, which feedback of a network can't "
        "lead through; remove it"
    )


def test_feedback_to_weights_is_refused(tmp_path):
    edges = [*ALONG, ("lif", "back"), ("back", "w")]
    back = nir.Linear(np.ones((3, 4)))
    assert refusal(graph(tmp_path, edges, w=nir.Linear(W1), lif=lif(4), back=back)) == (
        "node 'w' of the NIR graph is fed back to from 'lif', but feedback of a network adds to "
        "what weights give; lead it to the neurons after those"
    )


def test_feedback_that_branches_is_refused(tmp_path):
    edges = [*ALONG, ("lif", "back"), ("back", "lif"), ("back", "back")]
    back = nir.Linear(np.ones((4, 4)))
    assert refusal(graph(tmp_path, edges, w=nir.Linear(W1), lif=lif(4), back=back)) == (
        "node 'back' of the NIR graph is on a way back and leads to 2 nodes, but feedback of a "
        "network leads to one; leave one"
    )


def test_a_leak_before_squares_that_sum_is_refused(tmp_path):
    two = np.full(2, 2)
    pool = nir.SumPool2d(two, two, np.zeros(2, int))
    assert refusal(saved(tmp_path, convolution(), pool, lif((2, 2, 2), v_leak=1.0))) == (
        "the NIR graph sums squares of currents that neurons with a v_leak read; set v_leak to 0 "
        "or sum the spikes"
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"reset": "late"}, "from_nir got the reset 'late'; choose one of soft, hard"),
        ({"decay": "exact"}, "from_nir got the decay 'exact'; choose one of euler, exponential"),
        ({"dt": 0}, "from_nir got the dt 0; give a number above 0"),
        ({"dt": float("nan")}, "from_nir got the dt nan; give a number above 0"),
        ({"dt": "1 ms"}, "from_nir got the dt '1 ms'; give a number above 0"),
    ],
)
def test_unknown_ways_to_read_a_file_are_refused(tmp_path, options, sentence):
    with pytest.raises(ConfigError) as caught:
        nc.from_nir(tmp_path / "some.nir", **options)
    assert str(caught.value) == sentence

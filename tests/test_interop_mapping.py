"""The authors' tensors in our networks: same masks, nothing left over. No PyTorch."""

import dataclasses

import numpy as np
import pytest
from interop_tools import NETWORKS, SOURCES, reference

from keras_munet.config import FOUR_SOURCES, TWO_SOURCES, ModelConfig, UNetConfig
from keras_munet.errors import ModelError
from keras_munet.interop.recognize import check, infer_config, plain_names
from keras_munet.interop.slots import slots
from keras_munet.interop.torch_checkpoint import network_from_tensors


def _tensors(network):
    return plain_names(reference(network)[0])


def _config(network):
    return infer_config(_tensors(network), sources=SOURCES[network])


@pytest.mark.parametrize("network", NETWORKS)
def test_masks_are_those_of_the_authors_network(network):
    tensors, features, expected, conditions = reference(network)
    tensors = plain_names(tensors)
    config = infer_config(tensors, sources=SOURCES[network])
    small = dataclasses.replace(config.stft, n_rows=64)
    ours = network_from_tensors(tensors, dataclasses.replace(config, stft=small))
    x = np.broadcast_to(features[None, ..., None], (len(expected), 64, 64, 1))
    masks = ours(x if conditions is None else [x, conditions])
    assert expected.std() > 0.1  # a flat picture would prove nothing
    np.testing.assert_allclose(masks, expected, atol=1e-4)


@pytest.mark.parametrize("network", NETWORKS)
def test_slots_are_the_authors_tensors_and_all_our_weights(network):
    tensors, config = _tensors(network), _config(network)
    filled = check(tensors, config)
    theirs = {name for name in tensors if not name.endswith("num_batches_tracked")}
    assert {slot.tensor for slot in filled} == theirs
    ours = network_from_tensors(tensors, config)
    places = {id(getattr(ours.get_layer(s.layer), s.weight)) for s in filled}
    assert len(places) == len(filled) == len(ours.weights)
    assert places == {id(variable) for variable in ours.weights}


@pytest.mark.parametrize(
    ("architecture", "sources", "n_parameters"),
    [
        ("dedicated", ("vocals",), 124_448_673),
        ("munet", TWO_SOURCES, 124_448_706),
        ("munet", FOUR_SOURCES, 124_448_772),
        ("cunet", FOUR_SOURCES, 162_004_129),
    ],
)
def test_slots_of_the_papers_size_hold_its_parameters(
    architecture, sources, n_parameters
):
    config = ModelConfig(sources=sources, unet=UNetConfig(architecture=architecture))
    trainable = (s for s in slots(config) if not s.weight.startswith("moving"))
    assert sum(np.prod(slot.shape) for slot in trainable) == n_parameters


def test_config_is_read_from_the_tensors():
    config = infer_config(_tensors("munet"))
    assert config.sources == FOUR_SOURCES
    assert (config.unet.architecture, config.unet.width) == ("munet", 4)
    assert (config.unet.depth, config.unet.output_bias) == (6, 0.0)
    assert config.stft.warp == "paper"
    assert infer_config(_tensors("cunet")).sources == TWO_SOURCES
    dedicated = _config("dedicated")
    assert (dedicated.unet.architecture, dedicated.sources) == ("dedicated", ("bass",))


def test_one_output_may_be_an_munet_of_one_source():
    config = infer_config(
        _tensors("dedicated"), sources=("bass",), architecture="munet"
    )
    assert config.unet.architecture == "munet"


def test_names_of_the_sources_can_be_given():
    names = ("a", "b", "c", "d")
    assert infer_config(_tensors("munet"), sources=names).sources == names
    with pytest.raises(ModelError, match=r"4 sources, but --sources names 2: a, b"):
        infer_config(_tensors("munet"), sources=("a", "b"))
    with pytest.raises(ModelError, match=r"1 source does not say which.*--sources"):
        infer_config(_tensors("dedicated"))
    with pytest.raises(ValueError, match=r"different names"):
        infer_config(_tensors("munet"), sources=("a", "a", "b", "c"))


@pytest.mark.parametrize(
    ("network", "architecture"),
    [("munet", "cunet"), ("munet", "dedicated"), ("cunet", "munet")],
)
def test_another_architecture_is_refused(network, architecture):
    message = f"those of a {network} network, not of a {architecture}"
    with pytest.raises(ModelError, match=message):
        infer_config(_tensors(network), architecture=architecture)


def test_missing_tensors_are_named():
    tensors = _tensors("munet")
    del tensors["decoder.3.BN1.running_var"], tensors["encoder.2.Conv2.bias"]
    with pytest.raises(ModelError, match=r"Missing .*munet.* width 4: decoder\.3\.BN1"):
        check(tensors, _config("munet"))


def test_a_network_without_batch_normalization_is_refused():
    tensors = {k: v for k, v in _tensors("munet").items() if ".BN" not in k}
    with pytest.raises(ModelError, match=r"Missing.*BN1\.bias.*and \d+ more"):
        check(tensors, infer_config(tensors))


@pytest.mark.parametrize(
    "name",
    ["encoder.0.scale.weight", "optimizer.num_batches_tracked", "decoder.7.Conv1.bias"],
)
def test_extra_tensors_are_named(name):
    tensors = {**_tensors("munet"), name: np.ones(4, np.float32)}
    with pytest.raises(ModelError, match=rf"without a place .*: {name}\."):
        check(tensors, _config("munet"))


def test_only_one_control_network_is_a_broken_cunet():
    tensors = _tensors("cunet")
    tensors = {k: v for k, v in tensors.items() if not k.startswith("beta")}
    with pytest.raises(ModelError, match=r"Missing.*beta_generator\.BN2"):
        check(tensors, infer_config(tensors))
    tensors.pop("gamma_generator.L1.weight")
    with pytest.raises(ModelError, match=r"without the matrix gamma_generator\.L1"):
        infer_config(tensors)


def test_wrong_shapes_are_named_with_both_shapes():
    tensors = _tensors("munet")
    tensors["decoder.2.AtrousConv.weight"] = np.zeros((1, 2, 3, 4), np.float32)
    with pytest.raises(
        ModelError, match=r"AtrousConv\.weight \(1, 2, 3, 4\), expected \(64, 32, 2, 2"
    ):
        check(tensors, _config("munet"))


def test_nan_is_named():
    tensors = _tensors("dedicated")
    tensors["final_conv.bias"] = np.full(1, np.nan, np.float32)
    with pytest.raises(ModelError, match=r"NaN or infinite values: final_conv\.bias"):
        check(tensors, _config("dedicated"))


def test_tensors_of_another_network_are_listed():
    tensors = {"layer1.weight": np.zeros((2, 2)), "layer1.bias": np.zeros(2)}
    with pytest.raises(ModelError, match=r"No network .*: layer1\.weight, layer1\.bia"):
        infer_config(tensors)


def test_too_many_levels_are_refused_before_anything_is_built():
    tensors = {**_tensors("munet"), "encoder.900.Conv1.bias": np.zeros(4)}
    with pytest.raises(ModelError, match=r"901 encoder blocks.*cannot halve 256 rows"):
        infer_config(tensors)


def test_prefixes_go_and_twins_are_refused():
    value = np.zeros(3)
    assert set(plain_names({"module.model.a.bias": value})) == {"a.bias"}
    with pytest.raises(ModelError, match=r"a\.bias and model\.a\.bias are the same"):
        plain_names({"a.bias": value, "model.a.bias": value})

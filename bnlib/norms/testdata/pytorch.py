"""Prints the numbers of TestAgainstPyTorch: the second image's outputs, by PyTorch 2.15."""

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
images, units = 12, 6
k = torch.arange(images * units)
x = torch.sin((k * k).double()).reshape(images, units)
layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(units, 2, bias=False), dim=0)
k = torch.arange(2 * units)
v = torch.cos((k * k).double()).reshape(units, 2)  # [inputs, units], as ours
layer.parametrizations.weight.original0.data = torch.tensor([[0.5], [2.0]])
layer.parametrizations.weight.original1.data = v.T.contiguous()
for name, y in {
    "layer_norm": F.layer_norm(x, [units], eps=1e-3),
    "group_norm": F.group_norm(x, 3, eps=1e-3),
    "rms_norm": F.rms_norm(x, [units], eps=1e-3),
    "weight_norm": layer(x),
}.items():
    print(f'\t"{name}": {{' + ", ".join(repr(float(a)) for a in y[1].detach()) + "},")

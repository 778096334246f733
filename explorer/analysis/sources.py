"""Papers that figures and formulas are from, as they are cited beside them."""

HEUSEL = "Heusel et al. (2017), https://arxiv.org/abs/1706.08500"
BURDA = "Burda, Grosse & Salakhutdinov (2016), https://arxiv.org/abs/1509.00519"
KINGMA = "Kingma & Welling (2014), https://arxiv.org/abs/1312.6114"
VENNA = "Venna & Kaski (2001), https://doi.org/10.1007/3-540-44668-0_68"
GHOSH = "Ghosh et al. (2020), https://arxiv.org/abs/1903.12436"

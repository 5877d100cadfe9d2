"""What a student types into the search, and the page that should come up."""

import pytest

from builder.extensions.keywords import keywords
from tests.places import PAGES, ROOT

pytestmark = [pytest.mark.site, pytest.mark.timeout(900)]

WANTED = {
    "foundations/activation-functions": [
        "activation function",
        "sigmoid",
        "relu",
        "gelu",
        "dying relu",
        "saturation",
    ],
    "foundations/linear-regression": [
        "linear regression",
        "learning rate",
        "least squares",
        "overfitting",
        "gradient descent",
        "normal equations",
        "ridge",
    ],
    "foundations/backpropagation": [
        "backpropagation",
        "backprop",
        "chain rule",
        "autograd",
        "gradient check",
    ],
    "foundations/optimizers": [
        "adam",
        "sgd",
        "momentum",
        "optimizer",
        "optimisers",
        "l-bfgs",
        "warm-up",
        "weight decay",
        "nesterov",
    ],
    "foundations/initialisation": [
        "vanishing gradient",
        "vanishing gradients",
        "exploding gradient",
        "xavier",
        "batch normalization",
        "skip connection",
        "initialization",
    ],
    "foundations/scaling-inputs": [
        "feature scaling",
        "standardisation",
        "standardscaler",
        "condition number",
        "whitening",
        "min-max scaling",
    ],
    "foundations/data-quality": [
        "missing values",
        "outlier",
        "leakage",
        "covariate shift",
        "imbalance",
        "one-hot encoding",
    ],
    "regression/runge": [
        "runge",
        "chebyshev",
        "levenberg-marquardt",
        "gauss-newton",
        "interpolation",
    ],
    "regression/trees-and-ensembles": [
        "decision tree",
        "random forest",
        "gradient boosting",
    ],
    "regression/tanh-networks": [
        "tanh network",
        "universal approximation",
        "round-off",
    ],
    "regression/cross-validation": [
        "cross-validation",
        "nested cross-validation",
        "leave-one-out",
    ],
    "regression/forecasting": [
        "time series",
        "arima",
        "autocorrelation",
    ],
    "regression/surface": [
        "dropout",
        "validation set",
        "bayesian regularisation",
    ],
    "regression/sobolev": [
        "sobolev training",
        "loss weighting",
        "physics-informed",
    ],
    "regression/housing": [
        "house prices",
        "california housing",
        "permutation importance",
        "partial dependence",
        "lasso",
    ],
    "classification/logistic-regression": [
        "logistic regression",
        "cross entropy",
        "cross-entropy",
        "softmax",
        "odds",
        "decision boundary",
        "maximum likelihood",
    ],
}

RANKED = """query => {
  const found = Search._performSearch(...Search._parseQuery(query)).reverse();
  return [...new Set(found.map(result => result[0]))];
}"""


@pytest.mark.parametrize("name", PAGES)
def test_each_page_has_keywords(name):
    assert len(keywords((ROOT / f"{name}.md").read_text("utf-8"))) >= 5


@pytest.mark.parametrize("page", WANTED)
def test_a_topic_leads_to_its_page(visit, page):
    search = visit("search.html")
    search.wait_for_function("Search.hasIndex()")
    ranks = {
        query: search.evaluate(RANKED, query).index(f"notebooks/{page}") + 1
        for query in WANTED[page]
    }
    assert all(rank <= 3 for rank in ranks.values()), ranks
    assert ranks[WANTED[page][0]] == 1

# A handful of examples: `marimo edit quick.py`. The model runs in this page.
import marimo

app = marimo.App()


@app.cell
def _():
    import pandas as pd
    from handful import Handful

    rows = pd.DataFrame({
        "input": ["protect", "emerge", "relate", "secure", "satisfy", "eat", "drink", "suppose", "compose", "reduce",
                  "flee", "meet", "happen", "accomplish", "propose", "draw"],
        "output": ["protects", "emerges", "relates", "secures", "satisfies", "eats", "drinks", "supposes", "composes",
                   "reduces", "flees", "meets", "happens", "accomplishes", "proposes", "draws"],
    })
    return Handful, rows


@app.cell
def _(Handful):
    w = Handful()
    w
    return (w,)


@app.cell
async def _(rows, w):
    fit = await w.adapt(rows, method="z", holdout=0.25)
    fit
    return (fit,)


@app.cell
async def _(fit, w):
    answers = await w.predict(["jump", "cry", "stay"], adapter=fit)
    answers
    return (answers,)


@app.cell
async def _(fit):
    folder = await fit.export("verbs")
    folder
    return (folder,)


if __name__ == "__main__":
    app.run()

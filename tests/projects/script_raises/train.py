def convert(text):
    return float(text)


convert("setosa")

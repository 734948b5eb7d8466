with open("model.joblib", "w") as file:
    file.write("x")

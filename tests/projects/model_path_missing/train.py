with open("outputs/model.pkl", "w") as file:
    file.write("x")

with open("outputs/model.pkl", "w") as file:
    file.write("this is no pickle")

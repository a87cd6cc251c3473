"""Do the templates compute what training a spiking network computes?"""

"""Time as an execution has it, in closed form: what transfers leave exposed at each increment of each loop."""

"""Files and models of other tools: Accelergy's tables, CACTI's output, models of `hwcomponents`."""

"""From a graph to a plan: validate, select, bind, predict, explain. Nothing runs here."""

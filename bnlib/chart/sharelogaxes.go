package chart

import "batchnorm/bnlib/plot"

// shareLogAxes gives each panel that has a logarithmic y axis the same one in all states, so that it stands still while the slider moves.
// All states have as many panels.
func shareLogAxes(e *plot.Explorer) {
	if len(e.States) == 0 {
		return
	}
	for i := range e.States[0].Figure.Panels {
		var row []plot.Panel
		for _, s := range e.States {
			row = append(row, s.Figure.Panels[i])
		}
		if row[0].Y.Log {
			plot.ShareAxis(row)
		}
		for k, s := range e.States {
			s.Figure.Panels[i] = row[k]
		}
	}
}

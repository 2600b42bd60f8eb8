package bnlib

import (
	"fmt"
	"math"
)

// Edge is where training begins and where it ceases to work along a column of a map: see Results.Edges.
type Edge struct {
	At        float64 // the column's value, on the grid's last axis
	Low, High float64 // where the accuracy crosses the level, on the axis before it; NaN if it does so nowhere on the grid
}

// Edges returns for each value of the grid's last axis the lowest and the highest value of the axis before it at which the test
// accuracy, the median over the seeds that are done, crosses a level. Between the outermost cell that reaches the level and its
// neighbour that does not, the accuracy is taken to be a straight line, over the logarithm of an axis whose values are all above 0: so
// an edge that is sharp is known to within a cell. norm is an index in Grid.Norms, outer are indices on the axes before those two. It
// panics for a grid of fewer than two axes.
func (r *Results) Edges(level float64, norm int, outer ...int) []Edge {
	n := len(r.Grid.Axes)
	if n < 2 {
		panic(fmt.Errorf("bnlib: Results.Edges: the grid has %d axes; allowed: two or more", n))
	}
	columns, rows := r.Grid.Axes[n-1].Values, r.Grid.Axes[n-2].Values
	edges := make([]Edge, len(columns))
	for i, value := range columns {
		accuracy := make([]float64, len(rows))
		for k := range rows {
			at := append(append([]int{}, outer...), k, i)
			accuracy[k] = r.Sample(norm, at...).Done().Test().Median
		}
		first, last := -1, -1
		for k, a := range accuracy {
			if a >= level {
				if first < 0 {
					first = k
				}
				last = k
			}
		}
		edges[i] = Edge{At: value, Low: crossing(rows, accuracy, level, first, first-1), High: crossing(rows, accuracy, level, last, last+1)}
	}
	return edges
}

// crossing returns where a line from one row to the next crosses a level; NaN without such rows.
func crossing(rows, accuracy []float64, level float64, inside, outside int) float64 {
	if inside < 0 || outside < 0 || outside >= len(rows) {
		return math.NaN()
	}
	t := (accuracy[inside] - level) / (accuracy[inside] - accuracy[outside])
	a, b := rows[inside], rows[outside]
	for _, v := range rows {
		if v <= 0 {
			return a + t*(b-a)
		}
	}
	return a * math.Pow(b/a, t)
}

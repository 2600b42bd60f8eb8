package chart

import (
	"encoding/json"
	"fmt"
)

// Name stands on an axis in place of a number.
type Name struct {
	At   float64
	Text string
}

// name puts the names of the axis, if it has any, in place of its ticks.
func (s *scale) name(names []Name) {
	if names == nil {
		return
	}
	s.ticks, s.names = nil, nil
	for _, n := range names {
		if at := round(n.At); at >= s.min && at <= s.max {
			s.ticks, s.names = append(s.ticks, at), append(s.names, n.Text)
		}
	}
}

// left returns what the y axis takes from the panel's width, in CSS pixels.
func (p *pane) left() float64 {
	left := axisWidth
	for _, name := range p.y.names {
		left = max(left, textWidth(name, tickSize, false)+16)
	}
	return left
}

// nameExpr makes Vega-Lite write the names.
func (s scale) nameExpr() string {
	at, err := json.Marshal(s.ticks)
	if err != nil {
		panic(err) // of numbers there is none
	}
	names, err := json.Marshal(s.names)
	if err != nil {
		panic(err) // of words there is none
	}
	return fmt.Sprintf("%s[indexof(%s, datum.value)]", names, at)
}

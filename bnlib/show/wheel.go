package show

import (
	"fmt"
	"sync"
)

// wheel is the learning rate of a training under way, and what was done to it. Whoever trains asks for it, and whoever plays sets it.
type wheel struct {
	base float64 // that it began with

	mutex   sync.Mutex
	now     float64
	changes []change
}

// change is a learning rate from a step on.
type change struct {
	step int
	rate float64
}

// steer is a bnlib.Steer.
func (w *wheel) steer(step int) float64 {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if n := len(w.changes); n == 0 || w.changes[n-1].rate != w.now {
		w.changes = append(w.changes, change{step, w.now})
	}
	return w.now / w.base
}

// turned reports whether a training has asked for the rate.
func (w *wheel) turned() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return len(w.changes) > 0
}

func (w *wheel) set(rate float64) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.now = rate
}

// String says what was done: "rate 0.01, from step 1,200 on 0.5".
func (w *wheel) String() string {
	const most = 4 // of many changes the last
	w.mutex.Lock()
	defer w.mutex.Unlock()
	changes, text := w.changes, "rate "
	if len(changes) > most {
		changes, text = changes[len(changes)-most:], "rate …, "
	}
	for i, c := range changes {
		switch {
		case c.step == 0:
			text += fmt.Sprint(c.rate)
			continue
		case i > 0:
			text += ", "
		}
		text += fmt.Sprintf("from step %s on %v", thousands(c.step), c.rate)
	}
	switch n := len(w.changes); {
	case n == 0:
		text += fmt.Sprint(w.now)
	case w.changes[n-1].rate != w.now:
		text += fmt.Sprintf(", and now %v", w.now)
	}
	return text
}

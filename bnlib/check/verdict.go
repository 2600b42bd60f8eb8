package check

import (
	"fmt"
	"strings"
)

// Verdict is what a check says of an answer to an exercise.
type Verdict struct {
	Exercise string
	State    State
	Says     string   // why, in a line
	Details  []string // a line for each thing that was looked at, and what was measured
}

// State is how far an answer is.
type State int

const (
	Unanswered State = iota // what the page came with
	Wrong
	Right
	Unchecked // the check itself failed, which says nothing of the answer
)

func (s State) String() string {
	switch s {
	case Unanswered:
		return "not answered"
	case Wrong:
		return "not yet"
	case Right:
		return "right"
	case Unchecked:
		return "not checked"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// String writes the verdict first, then a line for each detail.
func (v Verdict) String() string {
	return strings.Join(append([]string{fmt.Sprintf("%s: %s", v.State, v.Says)}, v.Details...), "\n    ")
}

// part is one thing of an answer, such as a tensor, and what there is to say of it.
type part struct {
	name  string
	state State
	says  string
	hint  string // what the reader should think of
}

// theBug is the hint on what comes out of a function that still has the bug which the page put there.
const theBug = "The bug is still there."

// verdict is that of an answer's parts together: right if all are right, unanswered if none is there, or if it still has the page's own
// bug. A hint is given once.
func verdict(exercise string, parts ...part) Verdict {
	v, count, given := Verdict{Exercise: exercise}, map[State]int{}, map[string]bool{}
	for _, p := range parts {
		count[p.state]++
		detail := fmt.Sprintf("%s: %s", p.name, p.says)
		if p.hint != "" && !given[p.hint] {
			detail += ". " + p.hint
		}
		given[p.hint] = true
		v.Details = append(v.Details, detail)
	}
	switch {
	case given[theBug]:
		v.State, v.Says = Unanswered, fmt.Sprintf("the bug is still in it; %d of %d parts right", count[Right], len(parts))
	case count[Unanswered] == len(parts):
		v.State, v.Says = Unanswered, "every part is still missing"
	case count[Right] == len(parts):
		v.State, v.Says = Right, fmt.Sprintf("all of %d parts", len(parts))
	default:
		v.State, v.Says = Wrong, fmt.Sprintf("%d of %d parts right", count[Right], len(parts))
	}
	if len(parts) == 1 {
		v.Says, v.Details = v.Details[0], nil
	}
	return v
}

// and adds what was measured.
func (v Verdict) and(format string, args ...any) Verdict {
	v.Details = append(v.Details, fmt.Sprintf(format, args...))
	return v
}

// unchecked is the verdict where the check fails.
func unchecked(exercise string, err error) Verdict {
	return Verdict{Exercise: exercise, State: Unchecked, Says: "this says nothing of the answer: " + firstLine(err)}
}

// failed is the verdict on an answer that cannot be computed.
func failed(exercise string, err error) Verdict {
	return Verdict{Exercise: exercise, State: Wrong, Says: "your function cannot be run: " + firstLine(err)}
}

// missing is the verdict on an answer that is no function.
func missing(exercise string) Verdict {
	return Verdict{Exercise: exercise, Says: "the answer is nil; wanted: a function"}
}

// firstLine is an error without the stack that may follow.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

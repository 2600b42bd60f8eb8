package probe

import "math"

// Snapshot is what Signals and Norms saw of a network after some step.
type Snapshot struct {
	Step       int
	Images     int              // number of images that the Signals are taken with
	Loss       float64          // on the minibatch of the next step, in nats
	Signals    []Signal         // of the hidden layers, in the order in which the network computes them
	Parameters []ParameterSizes // every trainable variable
}

// Snapshots puts what the two hooks saw together: a snapshot for each step at which both looked. rate is the learning rate of a
// variable, as for NormsOf. It returns none if a history is nil.
func Snapshots(signals, norms *History, rate func(name string) float64) []Snapshot {
	if signals == nil || norms == nil {
		return nil
	}
	layers, parameters := SignalsOf(signals), NormsOf(norms, rate)
	var all []Snapshot
	for k, step := range signals.Steps {
		for i, at := range norms.Steps {
			if at != step {
				continue
			}
			s := Snapshot{Step: step, Loss: math.NaN(), Signals: layers[k], Parameters: parameters[i]}
			if loss := norms.At(at, lossRecord); len(loss) == 1 {
				s.Loss = loss[0]
			}
			if len(s.Signals) > 0 {
				s.Images = s.Signals[0].Images
			}
			all = append(all, s)
		}
	}
	return all
}

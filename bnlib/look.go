package bnlib

import "github.com/gomlx/gomlx/core/tensors"

// look adds a snapshot to the runs if the probe asks for one at the current step.
func (s *session) look(p *program) error {
	probe := s.options.Probe
	if probe == nil || s.untilLook(s.step) != 0 {
		return nil
	}
	d := s.options.Data
	for i, j := range s.jobs {
		l, err := s.lenses.lens(p.backend, j.blueprint, d, probe.images(d.Validation.Len()))
		if err != nil {
			return err
		}
		if len(s.views) == i {
			s.views = append(s.views, newView(j.network, d.Train))
		}
		values, err := p.values(i)
		if err != nil {
			return err
		}
		snapshot, err := s.views[i].look(l, s.step, values)
		if err != nil {
			return err
		}
		s.mutex.Lock()
		j.run.Snapshots = append(j.run.Snapshots, snapshot)
		s.mutex.Unlock()
	}
	return nil
}

// untilLook returns how many steps there are from the given one to the probe's next look, 0 if it is then; more than the
// training has if there is none.
func (s *session) untilLook(from int) int {
	if s.options.Probe != nil {
		for _, step := range s.options.Probe.steps(s.jobs[0].network) {
			if step >= from {
				return step - from
			}
		}
	}
	return s.steps + 1
}

// values returns the variables of network i as they are now, in the order of its blueprint. They change with the next step.
func (p *program) values(i int) ([]*tensors.Tensor, error) {
	var values []*tensors.Tensor
	for _, v := range p.variables[i] {
		value, err := v.Value()
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

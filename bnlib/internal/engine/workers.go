package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"batchnorm/data"

	"github.com/gomlx/compute"
)

// Job is a network to train.
type Job struct {
	Network  *Network
	Result   *Result              // grows while the network trains
	Finished func(result *Result) // called when the network is done, on a goroutine of the engine's; nil: nothing is
}

// Options says how to train.
type Options struct {
	Data *data.Dataset
	// Parts are the backends that share the work: a network trains on one of them, whoever trains beside it.
	Parts []compute.Backend
	// Lockstep is how many networks a program holds at most. On a processor it is 1: the products of a minibatch are so small that
	// sharing one out among cores costs more than it gains, and a network's weights stay in the cache of its core. On a GPU
	// several networks share a program.
	Lockstep int
	Watch    func(Progress) // called when a program compiles, at every evaluation and some times between, and at the end, while no Result grows; nil: nothing is
}

// Progress is where a call of Train stands.
type Progress struct {
	Stage          Stage
	Job            *Job          // that was trained last; nil: none
	Done, Total    int           // network-steps
	Elapsed        time.Duration // since the call
	Remaining      time.Duration // estimate; 0 while there is none
	StepsPerSecond float64       // network-steps per second of the whole call, evaluations included
}

// Stage says what a Train is doing.
type Stage int

const (
	Compiling Stage = iota
	Training
	Done
)

// Train trains networks. What has been computed when it returns with an error is in the results.
func Train(ctx context.Context, jobs []*Job, o Options) error {
	if len(jobs) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("training not started: %w", err)
	}
	t := &training{o: o, start: time.Now(), residents: map[compute.Backend]*resident{}}
	for _, j := range jobs {
		t.total += j.Network.Steps
	}
	t.record(Compiling, nil)
	c := crew{training: t}
	for _, jobs := range lockstep(jobs, o.Lockstep) {
		c.queue = append(c.queue, t.newGroup(jobs))
	}
	err := c.work(ctx, o.Parts)
	c.release()
	if err == nil {
		t.record(Done, nil)
	}
	return err
}

// training is one call of Train.
type training struct {
	o     Options
	total int // network-steps
	start time.Time

	mutex     sync.Mutex // guards what follows, the results, and calls of Watch
	done      int        // network-steps
	firstStep time.Time
	residents map[compute.Backend]*resident
	captures  captures
}

// crew is the parts of a machine at work on groups: each part takes a group that no other is at, trains it up to its next
// evaluation, puts it back and takes another.
type crew struct {
	*training

	mutex    sync.Mutex
	queue    []*group       // not begun
	idle     []*group       // begun, not over, and nobody is at it
	busy     map[*group]int // somebody is at it; the step that it had come to before
	back     sync.Cond      // a group was put back
	given    []*group       // up, since they failed
	begun    int            // groups that are begun and not over
	programs []*program     // of all parts
	stopped  error          // by the context, the first
	failed   []error        // of groups that cannot go on
}

// work returns when all groups are over, or ctx is. A group that fails is given up, and the others go on.
func (c *crew) work(ctx context.Context, parts []compute.Backend) error {
	var wait sync.WaitGroup
	for _, part := range parts {
		wait.Go(func() {
			for g, p := c.take(part, len(parts)); g != nil; g, p = c.take(part, len(parts)) {
				err := TryCatch(func() error {
					if g.values == nil {
						if err := g.open(); err != nil {
							return err
						}
					}
					if err := p.compile(ctx); err != nil {
						return err
					}
					return g.advance(ctx, p)
				})
				c.put(ctx, g, err)
			}
		})
	}
	wait.Wait()
	failed := c.failed
	if most := 5; len(failed) > most {
		failed = append(failed[:most:most], fmt.Errorf("and %d more networks failed", len(failed)-most))
	}
	return errors.Join(append(failed, c.stopped)...)
}

// compilation is what compiling a program costs, in network-steps: a part rather goes on with a group whose program it has.
const compilation = 3000

// take returns the group to go on with on a part of the machine, and its program, which may not be compiled yet; nil if there is
// nothing left to do here.
//
// Of many groups a part finishes one before it begins another, so that results come early and can be stored. When no more are
// left than two for each part, or three, all are begun, and the one that has come least far goes next: the curves of a figure grow
// together, and no part waits for another at the end. But one that is steered waits for those that are behind: whoever steers
// looks at all of them, and wants to see soon what follows.
func (c *crew) take(part compute.Backend, parts int) (*group, *program) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.busy == nil {
		c.busy, c.back.L = map[*group]int{}, &c.mutex
	}
	taken := c.choose(part, parts)
	for taken == nil && c.stopped == nil && slices.ContainsFunc(c.idle, c.ahead) {
		c.back.Wait()
		taken = c.choose(part, parts)
	}
	if taken == nil {
		return nil, nil
	}
	program, _ := c.program(part, taken)
	if program == nil {
		program = newProgram(part, taken, c.resident(part))
		c.programs = append(c.programs, program)
	}
	if at := slices.Index(c.queue, taken); at >= 0 {
		c.queue = slices.Delete(c.queue, at, at+1)
		c.begun++
	} else {
		c.idle = slices.DeleteFunc(c.idle, func(g *group) bool { return g == taken })
	}
	c.busy[taken] = taken.step
	return taken, program
}

// ahead reports whether a group that is steered has done what another is at.
func (c *crew) ahead(g *group) bool {
	if !g.steered() {
		return false
	}
	for other, step := range c.busy {
		if other.steered() && g.step > step {
			return true
		}
	}
	return false
}

// choose returns the group for a part to go on with; nil if there is none now.
func (c *crew) choose(part compute.Backend, parts int) (taken *group) {
	if c.stopped != nil {
		return nil
	}
	few := len(c.queue)+c.begun <= max(2*parts, 3)
	least := math.MaxInt
	consider := func(g *group, cost int) {
		if c.ahead(g) {
			return
		}
		switch here, elsewhere := c.program(part, g); {
		case here != nil:
		case elsewhere:
			if g.step > 0 && g.steps()-g.step <= compilation {
				return // it is done sooner where it is
			}
			cost += 2 * compilation
		default:
			cost += compilation
		}
		if g.at != nil && g.at != part {
			cost++ // its variables would have to move
		}
		if cost < least {
			least, taken = cost, g
		}
	}
	for _, g := range c.idle {
		if few || g.at == part {
			consider(g, g.step*len(g.jobs))
		}
	}
	if few || taken == nil {
		ahead := 0
		for _, g := range c.queue {
			if ahead > least {
				break
			}
			consider(g, ahead)
			if !few {
				ahead += g.steps() * len(g.jobs)
			}
		}
	}
	return taken
}

// program returns the program that trains a group on a part, nil if it has none, and whether another part has one.
func (c *crew) program(part compute.Backend, of *group) (here *program, elsewhere bool) {
	for _, p := range c.programs {
		switch {
		case !p.trains(of):
		case p.backend == part:
			here = p
		default:
			elsewhere = true
		}
	}
	return here, elsewhere
}

// put takes a group back.
func (c *crew) put(ctx context.Context, g *group, err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	delete(c.busy, g)
	c.back.Broadcast()
	switch {
	case err != nil && ctx.Err() != nil:
		c.idle = append(c.idle, g) // to be freed
		c.stopped = cmp.Or(c.stopped, err)
	case err != nil:
		c.begun--
		c.failed = append(c.failed, err)
		c.given = append(c.given, g)
	case g.over():
		c.begun--
		g.finalize()
	default:
		c.idle = append(c.idle, g)
	}
}

// release frees what is on the devices. Where a compilation that nobody waited for is still under way it happens in the
// background, after that: it reads what would be freed.
func (c *crew) release() {
	free := func() {
		for _, p := range c.programs {
			p.wait()
			p.finalize()
		}
		for _, g := range append(c.idle, c.given...) {
			g.finalize()
		}
		c.captures.finalize()
		for _, r := range c.residents {
			r.finalize()
		}
	}
	if slices.ContainsFunc(c.programs, func(p *program) bool { return p.compiled != nil }) {
		go free()
		return
	}
	free()
}

// lockstep says which networks can share a program: those that agree in batch, steps, rhythm of evaluation and have no schedule
// of their own. A network that draws random numbers while training has a program of its own, so that the others don't shift them.
// most is how many a program holds at most.
func lockstep(jobs []*Job, most int) [][]*Job {
	type rhythm struct{ batch, steps, every, alone int }
	var order []rhythm
	byRhythm := map[rhythm][]*Job{}
	for i, j := range jobs {
		r := rhythm{batch: j.Network.Batch, steps: j.Network.Steps, every: j.Network.Every}
		if j.Network.random || j.Network.Schedule != nil {
			r.alone = i + 1
		}
		if byRhythm[r] == nil {
			order = append(order, r)
		}
		byRhythm[r] = append(byRhythm[r], j)
	}
	var groups [][]*Job
	for _, r := range order {
		groups = slices.AppendSeq(groups, slices.Chunk(byRhythm[r], max(most, 1)))
	}
	return groups
}

// resident returns the data as the programs of a backend share it.
func (t *training) resident(on compute.Backend) *resident {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.residents[on] == nil {
		t.residents[on] = newResident(t.o.Data)
	}
	return t.residents[on]
}

// record tells who watches where the training stands; job is the one that was trained last, or nil.
func (t *training) record(stage Stage, job *Job) {
	if t.o.Watch == nil {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	p := Progress{Stage: stage, Job: job, Done: t.done, Total: t.total, Elapsed: time.Since(t.start)}
	if t.done > 0 {
		p.StepsPerSecond = float64(t.done) / time.Since(t.firstStep).Seconds()
		p.Remaining = time.Duration(float64(t.total-t.done) / p.StepsPerSecond * float64(time.Second))
	}
	t.o.Watch(p)
}

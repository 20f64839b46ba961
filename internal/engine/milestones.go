package engine

import (
	"context"
	"fmt"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/hint"
)

// milestones are how far a machine's run got; others wait for them.
type milestones map[colabofile.Condition]*milestone

// milestone is one of them.
type milestone struct {
	over   chan struct{} // closed when it was passed, or never will be
	passed bool          // written before over is closed
}

func newMilestones() milestones {
	m := milestones{}
	for _, condition := range []colabofile.Condition{colabofile.Started, colabofile.Provisioned, colabofile.Healthy} {
		m[condition] = &milestone{over: make(chan struct{})}
	}
	return m
}

// pass notes that the machine got there. It is called once for each.
func (m milestones) pass(condition colabofile.Condition) {
	m[condition].passed = true
	close(m[condition].over)
}

// end tells those who wait that nothing more comes.
func (m milestones) end() {
	for _, one := range m {
		if !one.passed {
			close(one.over)
		}
	}
}

// need is a machine that another one waits for, and how far it has to be.
type need struct {
	machine   *machineRun
	condition colabofile.Condition
}

// wait returns when the machine is that far; an error when it never will be.
func (n need) wait(ctx context.Context) error {
	reached := n.machine.milestones[n.condition]
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-reached.over:
	}
	if reached.passed {
		return nil
	}
	name := n.machine.want.name
	return hint.New(fmt.Errorf("not begun: it needs %s to be %s, which failed", name, n.condition), "mend "+name+" and run `colabo up` again")
}

package engine

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/hint"
)

// stepVariable is in the environment of every command that a step runs in a guest, so that what goes on after colabo was
// killed is known by it: PROJECT/MACHINE/STEP/.
const stepVariable = "COLABO_STEP"

// stepGuest is a guest as a step sees it: its commands carry the step's mark.
type stepGuest struct {
	guest.Guest
	mark string
}

// Run runs a command with the mark in its environment.
func (g stepGuest) Run(ctx context.Context, cmd guest.Command) error {
	env := maps.Clone(cmd.Env)
	if env == nil {
		env = map[string]string{}
	}
	env[stepVariable] = g.mark
	cmd.Env = env
	return g.Guest.Run(ctx, cmd)
}

// stepMark tells a step of a machine from all others.
func (e *Engine) stepMark(machine, step string) string {
	return e.id + "/" + machine + "/" + step + "/"
}

// endScript ends the processes that have $1 as a variable of their environment (sudo puts whole command lines into others): asked for two seconds, by force for three more. It prints those
// that it found. Without the capability to look into other users' processes, which root of a container lacks, it looks as each of them.
const endScript = `caps=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
users=0
[ $((0x${caps:-0} >> 19 & 1)) = 1 ] || users="0 $(stat -c %u /proc/[0-9]* 2>/dev/null | sort -u)"
marked() {
	for user in $users; do
		as=
		[ "$user" = 0 ] || as="setpriv --reuid $user --clear-groups --"
		$as grep -lszxF -e "$1" /proc/[0-9]*/environ 2>/dev/null
	done | sed 's|^/proc/||; s|/environ$||' | sort -u
}
signal=TERM
for round in $(echo 1 1 1 1 1 1 1 1 1 1 2 2 2 2 2 2 2 2 2 2 3 3 3 3 3); do
	found=$(marked "$1")
	[ -n "$found" ] || exit 0
	[ "$round" = 1 ] || signal=KILL
	echo $found
	kill -s $signal $found 2>/dev/null
	sleep 0.2
done
exit 1`

// endCutOff ends what a step left running that was begun by an earlier run and never seen to end: a killed colabo can't tell
// its commands to stop, and a step that runs twice at once disturbs itself.
func (r *machineRun) endCutOff(ctx context.Context, g guest.Guest) error {
	step := r.record.Running
	if step == "" {
		return nil
	}
	var found strings.Builder
	err := g.Run(ctx, guest.Command{
		Argv: []string{"sh", "-c", endScript, "sh", stepVariable + "=" + r.engine.stepMark(r.want.name, step)},
		User: "root", Stdout: &found,
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return hint.New(fmt.Errorf("end what an earlier run of step %s left running: %w", step, err), "run `colabo reload "+r.want.name+"`")
	}
	if found.Len() > 0 {
		r.notice("step %s of an earlier run was still at work and was ended", step)
	}
	return nil
}

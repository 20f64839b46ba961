package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/ui"
	"github.com/colabo/colabo/providers"
)

func newStatusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "status [MACHINE...]",
		Short:             "Show how the machines are",
		Long:              "status asks the providers how the machines are. It never waits for a running up.",
		Example:           "  colabo status\n  colabo status --json | jq -r .state",
		ValidArgsFunction: a.completeMachines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runStatus(cmd.Context(), args)
		},
	}
}

func (a *app) runStatus(ctx context.Context, machines []string) error {
	var statuses []engine.MachineStatus
	err := a.withEngine(func(e *engine.Engine) error {
		var err error
		statuses, err = e.Status(ctx, machines)
		return err
	})
	return errors.Join(a.printMachines(statuses), err)
}

// printOutcome prints how the machines are after a command that changed them, and their messages where all went well.
func (a *app) printOutcome(statuses []engine.MachineStatus, failure error) error {
	err := a.printMachines(statuses)
	if failure == nil && err == nil && !a.global.json {
		err = a.printMessages(statuses)
	}
	return errors.Join(err, failure)
}

// printMessages prints what the Colabofile has to say of the machines that run.
func (a *app) printMessages(statuses []engine.MachineStatus) error {
	for _, s := range statuses {
		if s.Message == "" || s.State != string(providers.Running) {
			continue
		}
		if _, err := fmt.Fprintf(a.Out, "\n%s\n", strings.TrimSpace(ui.Printable(s.Message))); err != nil {
			return err
		}
	}
	return nil
}

// printMachines prints machines as a result: a table, or an object a line.
func (a *app) printMachines(statuses []engine.MachineStatus) error {
	if a.global.json {
		for _, status := range statuses {
			if err := a.printJSON(struct {
				Type string `json:"type"`
				engine.MachineStatus
			}{"machine", status}); err != nil {
				return err
			}
		}
		return nil
	}
	if len(statuses) == 0 {
		return nil
	}
	columns := math.MaxInt // a pipe has lines as long as they come
	if ui.IsTerminal(a.Out) {
		columns, _ = ui.TerminalSize(a.Out)
	}
	return ui.Table(a.Out, machineTable(statuses, columns))
}

// machineTable has a row a machine, below it what its provider has to say of it, and a port a line where all of them
// don't fit into the columns of the terminal.
func machineTable(statuses []engine.MachineStatus, columns int) [][]string {
	rows := machineRows(statuses, ", ")
	if ui.TableWidth(rows) > columns {
		rows = machineRows(statuses, "\n")
	}
	for i, s := range slices.Backward(statuses) {
		about := s.Detail
		if s.Stage != "" {
			about = strings.TrimPrefix(about+"; "+s.Stage, "; ")
		}
		if detail := strings.Join(strings.Fields(ui.OneLine(about)), " "); detail != "" {
			rows = slices.Insert(rows, i+2, []string{ansi.Truncate("  "+detail, columns, "…")})
		}
	}
	return rows
}

func machineRows(statuses []engine.MachineStatus, between string) [][]string {
	rows := [][]string{{"MACHINE", "STATE", "PROVIDER", "ADDRESS", "PORTS"}}
	for _, s := range statuses {
		ports := strings.Join(portList(s.Ports), between)
		rows = append(rows, []string{s.Name, s.State, orDash(s.Provider), orDash(s.Address), orDash(ports)})
	}
	return rows
}

// portList shows ports as HOST->GUEST, the host's own address left out; one that nobody listens on is marked.
func portList(ports []engine.PortStatus) []string {
	var list []string
	for _, port := range ports {
		text := fmt.Sprintf("%s->%d", strings.TrimPrefix(port.Host, "127.0.0.1:"), port.Guest)
		if port.Protocol != "tcp" {
			text += "/" + port.Protocol
		}
		if !port.Open {
			text += " (closed)"
		}
		list = append(list, text)
	}
	return list
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

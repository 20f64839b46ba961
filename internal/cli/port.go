package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/colabo/colabo/internal/engine"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/ui"
	"github.com/colabo/colabo/providers"
)

func newPortCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "port [MACHINE [GUEST_PORT]]",
		Short: "Show where the machines' ports are on this host",
		Long: `port lists the ports of the machines with their addresses on this host, and whether they are open. With a machine and a
port it prints just the address.

Exit status: 5 when the machine has no such port.`,
		Example:           "  colabo port\n  psql -h localhost -p $(colabo port dev 5432 | cut -d: -f2) funtime",
		Args:              arguments(cobra.MaximumNArgs(2)),
		ValidArgsFunction: a.completeMachine,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runPort(cmd.Context(), args)
		},
	}
}

func (a *app) runPort(ctx context.Context, args []string) error {
	guest := 0
	if len(args) == 2 {
		var err error
		if guest, err = strconv.Atoi(args[1]); err != nil || guest < 1 || guest > 65535 {
			return usageError{fmt.Errorf("port %q: it has to be a number between 1 and 65535", args[1])}
		}
	}
	var statuses []engine.MachineStatus
	err := a.withEngine(func(e *engine.Engine) error {
		var err error
		statuses, err = e.Status(ctx, args[:min(len(args), 1)])
		return err
	})
	if guest != 0 && err == nil {
		return a.printPort(statuses[0], guest)
	}
	return errors.Join(a.printPorts(statuses), err)
}

// printPort prints the address of one port.
func (a *app) printPort(status engine.MachineStatus, guest int) error {
	for _, port := range status.Ports {
		if port.Guest != guest {
			continue
		}
		if a.global.json {
			return a.printJSON(portRow{"port", status.Name, port})
		}
		_, err := fmt.Fprintln(a.Out, port.Host)
		return err
	}
	return hint.New(fmt.Errorf("machine %s has no port %d on this host: %w", status.Name, guest, providers.ErrNotFound),
		"`colabo port "+status.Name+"` shows those that it has")
}

// portRow is a port as --json prints it.
type portRow struct {
	Type    string `json:"type"`
	Machine string `json:"machine"`
	engine.PortStatus
}

func (a *app) printPorts(statuses []engine.MachineStatus) error {
	rows := [][]string{{"MACHINE", "GUEST", "HOST", "STATE"}}
	for _, status := range statuses {
		for _, port := range status.Ports {
			if a.global.json {
				if err := a.printJSON(portRow{"port", status.Name, port}); err != nil {
					return err
				}
				continue
			}
			state := "closed"
			if port.Open {
				state = "open"
			}
			rows = append(rows, []string{status.Name, fmt.Sprintf("%d/%s", port.Guest, port.Protocol), port.Host, state})
		}
	}
	if a.global.json || len(rows) == 1 {
		return nil
	}
	return ui.Table(a.Out, rows)
}

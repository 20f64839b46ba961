package cli

import (
	"slices"

	"github.com/spf13/cobra"
)

// completeMachines completes names of the project's machines, each once. Where there is no project, there is nothing to complete.
func (a *app) completeMachines(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	project, err := a.project()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, machine := range project.Machines {
		if !slices.Contains(args, machine.Name) {
			names = append(names, machine.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeMachine completes one machine; what follows it is a command of the guest.
func (a *app) completeMachine(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeMachines(cmd, args, word)
}

// completeFlags completes the values of the global flags, and makes the completion command's errors usage errors.
func completeFlags(root *cobra.Command, a *app) {
	names := []cobra.Completion{"auto"}
	for _, kind := range a.Providers {
		names = append(names, kind.Name)
	}
	complete := cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp)
	// Both fail only for a flag that there is not.
	_ = root.RegisterFlagCompletionFunc("provider", complete)
	_ = root.MarkPersistentFlagDirname("directory")
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		cmd.Args, cmd.RunE = unknownCommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		for _, shell := range cmd.Commands() {
			shell.Args = arguments(cobra.NoArgs)
		}
	}
}

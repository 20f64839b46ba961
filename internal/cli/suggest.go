package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/hint"
)

// unknownCommand suggests what may have been meant.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	return helped(cmd, fmt.Errorf("%s has no command %q%s", cmd.CommandPath(), args[0], meant("", args[0], names)))
}

// flagError is a usage error that suggests the flag that may have been meant.
func flagError(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || unknown.GetSpecifiedShortnames() != "" {
		return helped(cmd, err)
	}
	var names []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, flag.Name)
		}
	})
	return helped(cmd, fmt.Errorf("%w%s", err, meant("--", unknown.GetSpecifiedName(), names)))
}

// helped is a usage error with the way to the command's help.
func helped(cmd *cobra.Command, err error) error {
	return hint.New(usageError{err}, "see `"+cmd.CommandPath()+" --help`")
}

// meant is the end of a message that suggests the one name that word begins, or the nearest one; "" where there is neither.
func meant(prefix, word string, names []string) string {
	near := ""
	for _, name := range names {
		if len(word) > 1 && strings.HasPrefix(name, word) {
			if near != "" {
				near = ""
				break
			}
			near = name
		}
	}
	if near == "" {
		near = colabofile.Nearest(word, names)
	}
	if near == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", prefix+near)
}

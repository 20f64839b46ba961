package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/colabo/colabo/internal/colabofile"
	"github.com/colabo/colabo/internal/hint"
)

const (
	// secretVariable is the environment's name for a secret, less the secret's own.
	secretVariable = "COLABO_SECRET_"
	// maxSecret is how large a secret may be, in bytes.
	maxSecret = 64 << 10
)

// errNeedsCommand is a secret that only a command of the Colabofile can tell, at a moment when nothing is run.
var errNeedsCommand = errors.New("it takes a command to read it")

// readSecrets reads the secrets among the references, and runs the commands of [secrets] where it takes them. It is
// what `up` does before anything else; a secret that can't be read is an error, all of them at once.
func (e *Engine) readSecrets(ctx context.Context, refs []colabofile.Ref) error {
	return e.eachSecret(refs, func(name string) error {
		err := e.readSecret(name)
		if errors.Is(err, errNeedsCommand) {
			err = e.runSecretCommand(ctx, name, e.Project.Secrets[name].Command)
		}
		return e.secretError(name, err)
	})
}

// peekSecrets reads the secrets that can be read without running anything; the others stay unknown.
func (e *Engine) peekSecrets(refs []colabofile.Ref) {
	_ = e.eachSecret(refs, func(name string) error { // has no error of its own
		if err := e.readSecret(name); err != nil {
			e.Log.Debug("secret not read", "name", name, "error", err)
		}
		return nil
	})
}

// eachSecret calls read once for each secret that is not known yet.
func (e *Engine) eachSecret(refs []colabofile.Ref, read func(name string) error) error {
	var problems []error
	done := map[string]bool{}
	for _, ref := range refs {
		if _, known := e.late.get(ref); known || ref.Space != colabofile.SecretSpace || done[ref.Name] {
			continue
		}
		done[ref.Name] = true
		problems = append(problems, read(ref.Name))
	}
	return errors.Join(problems...)
}

// readSecret reads a secret from the environment, else from its file.
func (e *Engine) readSecret(name string) error {
	if value, ok := os.LookupEnv(secretVariable + name); ok {
		e.knowSecret(name, value)
		return nil
	}
	secret := e.Project.Secrets[name]
	switch {
	case len(secret.Command) > 0:
		return errNeedsCommand
	case secret.File == "":
		return fmt.Errorf("the environment has no %s%s", secretVariable, name)
	}
	path := secret.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(e.Project.Dir, path)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return err
	}
	return e.takeSecret(name, path, data)
}

// takeSecret takes the content of a file or the output of a command as a secret's value.
func (e *Engine) takeSecret(name, source string, data []byte) error {
	if len(data) > maxSecret {
		return fmt.Errorf("%s: more than %d bytes are no secret", source, maxSecret)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if value == "" {
		return fmt.Errorf("%s: it is empty", source)
	}
	e.knowSecret(name, value)
	return nil
}

// runSecretCommand takes what a command prints as the secret's value.
func (e *Engine) runSecretCommand(ctx context.Context, name string, argv []string) error {
	return e.stage(ctx, "", "secret "+name, func(ctx context.Context, _ *stage) error {
		var output, complaint bytes.Buffer
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = e.Project.Dir, &output, &complaint
		if err := cmd.Run(); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(complaint.String()))
		}
		return e.takeSecret(name, argv[0], output.Bytes())
	})
}

// knowSecret keeps a secret's value, and keeps it from being shown.
func (e *Engine) knowSecret(name, value string) {
	e.Secrets.Add(value)
	e.late.set(colabofile.Ref{Space: colabofile.SecretSpace, Name: name}, value)
}

// secretError says which secret an error is about, where that is declared, and what to do.
func (e *Engine) secretError(name string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	err = fmt.Errorf("secret %s: %w", name, err)
	if declared, ok := e.Project.Secrets[name]; ok {
		return hint.New(fmt.Errorf("%s: %w", declared.Pos, err), "mend what [secrets] says of it, or set "+secretVariable+name)
	}
	return hint.New(err, "set "+secretVariable+name+", or say under [secrets] where the value comes from")
}

// fingerprint tells two values of a reference apart and does not give a secret away, so that the state can hold it.
func (e *Engine) fingerprint(ref colabofile.Ref, value string) string {
	if ref.Space != colabofile.SecretSpace {
		return value
	}
	sum := sha256.Sum256([]byte(e.id + "\n" + value))
	return hex.EncodeToString(sum[:4])
}

package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // for the script
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/colabo/colabo/internal/guest"
	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/tail"
)

//go:embed load.sh
var loadScript string

// load makes the database of its seeds. On an error the database is what it was. One round trip.
func (s *Step) load(ctx context.Context, target provisioners.Target, seeds seedList, marker string) error {
	source := &stream{seeds: seeds, trailer: trailer(s.newDatabase(), marker)}
	var answer bytes.Buffer
	output := tail.NewWriter(target.Output)
	said := &messages{stream: source, next: output}
	err := target.Guest.Run(ctx, guest.Command{
		Argv: []string{
			"sh", "-c", loadScript, "colabo-postgres", strconv.Itoa(s.port()), s.newDatabase(), s.oldDatabase(),
			s.Database, s.role(), "SET ROLE " + identifier(s.role()), marker,
		},
		User:   "root",
		Stdin:  source,
		Stdout: &answer,
		Stderr: said,
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if seedErr := errors.Join(said.err(), source.err()); seedErr != nil {
		return hint.New(seedErr, fmt.Sprintf("nothing of the seed was kept; mend it and run the step again, database %s is as it was", s.Database))
	}
	if exit, ok := errors.AsType[*guest.ExitError](err); ok {
		named := *exit
		named.Argv = []string{"load the seed"}
		return output.Annotate(&named)
	}
	if err != nil {
		return err
	}
	return s.tell(target, strings.TrimSpace(answer.String()))
}

// tell says what a load came to.
func (s *Step) tell(target provisioners.Target, answer string) error {
	result, ended, _ := strings.Cut(answer, " ")
	switch result {
	case "made":
		say(target, "database %s made from %s", s.Database, strings.Join(s.Seed, ", "))
		return nil
	case "replaced":
		say(target, "database %s made anew, because its seed changed; sessions ended: %s; rows that were not in the seed are gone", s.Database, ended)
		return nil
	case "incomplete":
		return hint.New(fmt.Errorf("load %s: its end did not reach database %s, so nothing was kept", strings.Join(s.Seed, ", "), s.Database),
			`look for a COPY that no line \. ends, for a lone ; after a COPY (psql stops there), or for \connect`)
	}
	return fmt.Errorf("load the seed: unexpected answer %q", answer)
}

// trailer marks the database as whole; psql reads it only when it came that far, and still in that database.
func trailer(database, marker string) string {
	return fmt.Sprintf(`RESET SESSION AUTHORIZATION;
RESET ROLE;
SET standard_conforming_strings = on;
SELECT format('COMMENT ON DATABASE %%I IS %%L', current_database(), %s) WHERE current_database() = %s \gexec
`, literal(marker), literal(database))
}

// newDatabase is the database that seeds are loaded into, oldDatabase the one that was replaced and goes. Both names are
// the same in every run, so that one that was cut off is tidied up by the next.
func (s *Step) newDatabase() string { return "colabo_new_" + shortHash(s.Database) }
func (s *Step) oldDatabase() string { return "colabo_old_" + shortHash(s.Database) }

func shortHash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:6])
}

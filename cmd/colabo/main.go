// Command colabo runs the development environment that a project's Colabofile describes.
// Here is the list of what it is made of; all else is in internal/cli.
package main

import (
	"os"

	"github.com/colabo/colabo/internal/cli"
	"github.com/colabo/colabo/internal/ui"
	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/docker"
	"github.com/colabo/colabo/providers/libvirt"
	"github.com/colabo/colabo/provisioners"
	"github.com/colabo/colabo/provisioners/container"
	"github.com/colabo/colabo/provisioners/file"
	"github.com/colabo/colabo/provisioners/postgres"
	"github.com/colabo/colabo/provisioners/shell"
)

// version is set by the linker: -X main.version=1.2.3.
var version = "dev"

func main() {
	os.Exit(cli.Main(program(), os.Args[1:], ui.System()))
}

// program is what this binary is made of.
func program() cli.Program {
	return cli.Program{
		Version:   version,
		Providers: []providers.Kind{libvirt.Kind(), docker.Kind()},
		Steps:     []provisioners.Kind{shell.Kind(), file.Kind(), postgres.Kind(), container.Kind()},
	}
}

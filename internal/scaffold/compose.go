package scaffold

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// composeNames are those that docker compose looks for, in its order.
func composeNames() []string {
	return []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"}
}

func findCompose(dir string) (string, error) {
	for _, name := range composeNames() {
		_, err := os.Stat(filepath.Join(dir, name))
		if err == nil {
			return name, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("look for a compose file: %w", err)
		}
	}
	return "", nil
}

// maxCompose is how large a compose file may be, in bytes.
const maxCompose = 1 << 20

// fromCompose drafts a machine with an app container for each service. What a step has no key for is said, and left out.
func fromCompose(dir, name string) (Draft, error) {
	info, err := os.Stat(filepath.Join(dir, name))
	if err == nil && info.Size() > maxCompose {
		err = errors.New("larger than 1 MiB")
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(filepath.Join(dir, name))
	}
	var file struct {
		Services yaml.Node `yaml:"services"`
	}
	if err == nil {
		err = yaml.Unmarshal(data, &file)
	}
	if err == nil && (file.Services.Kind != yaml.MappingNode || len(file.Services.Content) == 0) {
		err = errors.New("it has no services")
	}
	if err != nil {
		return Draft{}, fmt.Errorf("read %s: %w", name, err)
	}
	draft := Draft{Template: name, Files: map[string]string{}}
	var services []composed
	for i := 0; i+1 < len(file.Services.Content); i += 2 {
		service, left := readService(file.Services.Content[i].Value, file.Services.Content[i+1])
		services = append(services, service)
		draft.Left = append(draft.Left, left...)
	}
	draft.Files["Colabofile"] = composeText(name, inOrder(services), draft.Left)
	return draft, nil
}

// composed is a service with the others that it waits for.
type composed struct {
	service
	after []string
}

// composeText is the Colabofile.
func composeText(name string, services []composed, left []string) string {
	var text strings.Builder
	text.WriteString(header + "#\n# Made from " + name + ". All services are in the machine's network: they reach each other at 127.0.0.1.\n")
	for i, line := range left {
		if i == 0 {
			text.WriteString("# Not carried over:\n")
		}
		text.WriteString("#   " + strings.Join(strings.Fields(line), " ") + "\n")
	}
	text.WriteString("\n[machine.dev]\n")
	for _, service := range services {
		writeStep(&text, service.service)
	}
	return text.String()
}

// inOrder puts services behind those that they wait for; where they wait for each other, in the file's order.
func inOrder(services []composed) []composed {
	var ordered []composed
	placed := map[string]bool{}
	for len(ordered) < len(services) {
		before := len(ordered)
		for _, s := range services {
			waits := slices.ContainsFunc(s.after, func(other string) bool {
				return !placed[other] && slices.ContainsFunc(services, func(s composed) bool { return s.name == other })
			})
			if !placed[s.name] && !waits {
				placed[s.name], ordered = true, append(ordered, s)
			}
		}
		if len(ordered) > before {
			continue
		}
		for _, s := range services {
			if !placed[s.name] {
				placed[s.name], ordered = true, append(ordered, s)
				break
			}
		}
	}
	return ordered
}

// readService reads what a step has keys for.
func readService(name string, node *yaml.Node) (composed, []string) {
	s := composed{service: service{name: stepName(name)}}
	var left []string
	leave := func(what string) { left = append(left, fmt.Sprintf("service %s: %s", name, what)) }
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i].Value, node.Content[i+1]
		ok := true
		switch key {
		case "image":
			s.image = value.Value
		case "build":
			s.build, s.dockerfile, ok = readBuild(value)
		case "command":
			s.command = readCommand(value)
		case "entrypoint":
			s.entrypoint = readCommand(value)
		case "environment":
			s.env = readPairs(value)
			for _, pair := range s.env {
				if strings.Contains(pair[1], "${") {
					leave("environment " + pair[0] + ": compose would substitute what is in it; here it stays as it is")
				}
			}
		case "ports":
			s.ports, ok = readPorts(value)
		case "volumes":
			s.volumes, ok = readVolumes(value)
		case "restart":
			s.restart = value.Value
		case "user":
			s.user = value.Value
		case "depends_on":
			s.after = names(value)
		case "container_name", "networks": // the machine's own
		default:
			ok = false
		}
		if !ok {
			leave(key)
		}
	}
	if s.build != "" {
		s.image = "" // what it is tagged as
	}
	s.name = cmp.Or(s.name, "app")
	return s, left
}

// notInName is what a step's name can't have.
var notInName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

func stepName(name string) string { return strings.Trim(notInName.ReplaceAllString(name, "-"), "-") }

// readBuild reads a build's folder and Dockerfile; false where it has more than that.
func readBuild(node *yaml.Node) (context, dockerfile string, whole bool) {
	if node.Kind == yaml.ScalarNode {
		return node.Value, "", true
	}
	context, whole = ".", true
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		switch node.Content[i].Value {
		case "context":
			context = node.Content[i+1].Value
		case "dockerfile":
			dockerfile = node.Content[i+1].Value
		default:
			whole = false
		}
	}
	return context, dockerfile, whole
}

// readCommand reads a list, or a line that a shell takes apart.
func readCommand(node *yaml.Node) []string {
	if node.Kind == yaml.SequenceNode {
		return names(node)
	}
	if node.Value == "" {
		return nil
	}
	return []string{"sh", "-c", node.Value}
}

// names are the elements of a list or the keys of a table.
func names(node *yaml.Node) []string {
	var all []string
	for i, child := range node.Content {
		if node.Kind == yaml.SequenceNode || i%2 == 0 {
			all = append(all, child.Value)
		}
	}
	return all
}

// readPairs reads an environment: a table, or a list of NAME=VALUE.
func readPairs(node *yaml.Node) [][2]string {
	var pairs [][2]string
	for i, child := range node.Content {
		if node.Kind == yaml.SequenceNode {
			key, value, _ := strings.Cut(child.Value, "=")
			pairs = append(pairs, [2]string{key, value})
		} else if i%2 == 0 {
			pairs = append(pairs, [2]string{child.Value, node.Content[i+1].Value})
		}
	}
	return pairs
}

// plainPort is a port as a step writes it.
var plainPort = regexp.MustCompile(`^([0-9.]+:)?[0-9]+:[0-9]+(/(tcp|udp))?$|^[0-9]+$`)

// readPorts reads ports in their short form; false where some are in another one.
func readPorts(node *yaml.Node) (ports []string, all bool) {
	all = true
	for _, child := range node.Content {
		if child.Kind == yaml.ScalarNode && plainPort.MatchString(child.Value) {
			ports = append(ports, child.Value)
		} else {
			all = false
		}
	}
	return ports, all
}

// namedVolume is NAME:/path.
var namedVolume = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*:/[^:]*$`)

// readVolumes reads named volumes; false where some are folders of the host or have options.
func readVolumes(node *yaml.Node) (volumes []string, all bool) {
	all = true
	for _, child := range node.Content {
		if child.Kind == yaml.ScalarNode && namedVolume.MatchString(child.Value) {
			volumes = append(volumes, child.Value)
		} else {
			all = false
		}
	}
	return volumes, all
}

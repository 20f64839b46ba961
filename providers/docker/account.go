package docker

import (
	"archive/tar"
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// rootFile is a file of an image: its header as in a tar of the root folder, and its content.
type rootFile struct {
	tar.Header
	content []byte
}

// imageEtc is what an image says about its accounts. Files that it has not are nil.
type imageEtc struct {
	passwd, group, shadow, gshadow *rootFile
	skeleton                       []rootFile // below etc/skel, with names relative to it
	shell                          string     // for the login user
	sudoersFolder                  bool
	homeFolder                     bool
}

// firstID is the first user and group id that distributions give to people.
const firstID = 1000

// withAccount returns the files that give an image the login user: with a home folder, without a password (none fits),
// with sudo for everything. A user that the image has already keeps id, shell and home. "" and root need nothing.
func withAccount(user string, etc imageEtc) ([]rootFile, error) {
	if user == "" || user == "root" {
		return nil, nil
	}
	if strings.Trim(user, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" || user[0] == '-' {
		return nil, fmt.Errorf("user %q: not a name that a login user can have", user)
	}
	var files []rootFile
	if etc.sudoersFolder {
		files = append(files, regular("etc/sudoers.d/90-colabo", 0o440, user+" ALL=(ALL:ALL) NOPASSWD: ALL\n"))
	}
	if hasEntry(etc.passwd, user) {
		return files, nil
	}
	id := strconv.Itoa(freeID(etc))
	gid := id
	if existing := entryField(etc.group, user, 2); existing != "" {
		gid = existing
	} else {
		files = append(files, appended(etc.group, "etc/group", 0o644, "root:x:0:\n", user+":x:"+gid+":"))
		if etc.gshadow != nil {
			files = append(files, appended(etc.gshadow, "", 0, "", user+":!::"))
		}
	}
	home := "/home/" + user
	files = append(files, appended(etc.passwd, "etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n",
		strings.Join([]string{user, "x", id, gid, "", home, etc.shell}, ":")))
	if etc.shadow != nil && !hasEntry(etc.shadow, user) {
		files = append(files, appended(etc.shadow, "", 0, "", user+":*:::::::"))
	}
	return append(files, homeFiles(home, id, gid, etc)...), nil
}

// homeFiles are the home folder and what the skeleton puts into it.
func homeFiles(home, id, gid string, etc imageEtc) []rootFile {
	uid, _ := strconv.Atoi(id)
	group, _ := strconv.Atoi(gid)
	var files []rootFile
	if !etc.homeFolder {
		files = append(files, rootFile{Header: tar.Header{Typeflag: tar.TypeDir, Name: "home/", Mode: 0o755}})
	}
	folder := rootFile{Header: tar.Header{Typeflag: tar.TypeDir, Name: home[1:] + "/", Mode: 0o755}}
	for _, file := range slices.Concat([]rootFile{folder}, etc.skeleton) {
		if file.Name != folder.Name {
			file.Name = path.Join(home[1:], file.Name)
		}
		file.Uid, file.Gid, file.Uname, file.Gname = uid, group, "", ""
		files = append(files, file)
	}
	return files
}

// freeID is an id that neither a user nor a group has.
func freeID(etc imageEtc) int {
	taken := map[string]bool{}
	for _, file := range []*rootFile{etc.passwd, etc.group} {
		for _, fields := range entries(file) {
			if len(fields) > 2 {
				taken[fields[2]] = true
			}
		}
	}
	id := firstID
	for taken[strconv.Itoa(id)] {
		id++
	}
	return id
}

// entries are the lines of a file like /etc/passwd, in fields.
func entries(file *rootFile) [][]string {
	if file == nil {
		return nil
	}
	var all [][]string
	for line := range strings.Lines(string(file.content)) {
		all = append(all, strings.Split(strings.TrimRight(line, "\n"), ":"))
	}
	return all
}

func hasEntry(file *rootFile, name string) bool {
	return slices.ContainsFunc(entries(file), func(fields []string) bool { return fields[0] == name })
}

// entryField is a field of the entry of that name, "" where there is none.
func entryField(file *rootFile, name string, field int) string {
	for _, fields := range entries(file) {
		if fields[0] == name && len(fields) > field {
			return fields[field]
		}
	}
	return ""
}

// appended is file with a line more, or a new file of that name that begins with initial.
func appended(file *rootFile, name string, mode int64, initial, line string) rootFile {
	if file == nil {
		return regular(name, mode, initial+line+"\n")
	}
	content := bytes.Clone(file.content)
	if len(content) > 0 && content[len(content)-1] != '\n' {
		content = append(content, '\n')
	}
	longer := *file
	longer.content = append(content, line+"\n"...)
	longer.Size = int64(len(longer.content))
	return longer
}

// regular is a new file of root's.
func regular(name string, mode int64, content string) rootFile {
	return rootFile{
		Header:  tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))},
		content: []byte(content),
	}
}

// archive is a tar of files, to be unpacked in the root folder.
func archive(files []rootFile) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, file := range files {
		if err := w.WriteHeader(&file.Header); err != nil {
			return nil, fmt.Errorf("archive %s: %w", file.Name, err)
		}
		if _, err := w.Write(file.content); err != nil {
			return nil, fmt.Errorf("archive %s: %w", file.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return out.Bytes(), nil
}

//go:build ignore

// Generate writes FunTime's dummy data as SQL to the standard output: the same data each time.
package main

import (
	"bufio"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"time"
)

const (
	attractions = 48
	visitors    = 400
	rides       = 3000
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	random := rand.New(rand.NewPCG(2026, 11))
	pick := func(words []string) string { return words[random.IntN(len(words))] }

	kinds := []string{"Coaster", "Carousel", "Flume", "Drop Tower", "Swing", "Maze", "Train", "Dark Ride"}
	moods := []string{"Thunder", "Moonlight", "Dragon", "Sugar", "Pirate", "Comet"}
	areas := []string{"Harbour", "Old Town", "Jungle", "Star Port"}
	fmt.Fprintln(out, "COPY attraction (id, name, area, min_height, opened) FROM stdin;")
	for i := range attractions {
		name := moods[i/len(kinds)] + " " + kinds[i%len(kinds)]
		opened := time.Date(1960+random.IntN(60), time.Month(1+random.IntN(12)), 1+random.IntN(28), 0, 0, 0, 0, time.UTC)
		fmt.Fprintf(out, "%d\t%s\t%s\t%d\t%s\n", i+1, name, pick(areas), 10*random.IntN(15), opened.Format(time.DateOnly))
	}
	fmt.Fprintln(out, `\.`)

	first := []string{"Ada", "Björn", "Chloé", "Dmitri", "Eun-ji", "Fatima", "Grace", "Hugo", "Ines", "Jun", "Kofi", "Lucía"}
	last := []string{"Abe", "Bauer", "Costa", "Diallo", "Evans", "Fischer", "García", "Haddad", "Ito", "Jensen", "Kaya", "O'Neill"}
	fmt.Fprintln(out, "\nCOPY visitor (id, name) FROM stdin;")
	for i := range visitors {
		fmt.Fprintf(out, "%d\t%s %s\n", i+1, pick(first), pick(last))
	}
	fmt.Fprintln(out, `\.`)

	season := time.Date(2026, time.May, 1, 9, 0, 0, 0, time.UTC)
	fmt.Fprintln(out, "\nCOPY ride (id, attraction_id, visitor_id, ridden_at, waited, stars) FROM stdin;")
	for i := range rides {
		at := season.AddDate(0, 0, random.IntN(150)).Add(time.Duration(random.IntN(12*60)) * time.Minute)
		stars := 1 + max(random.IntN(5), random.IntN(5))
		fmt.Fprintf(out, "%d\t%d\t%d\t%s\t%d\t%d\n", i+1, 1+random.IntN(attractions), 1+random.IntN(visitors), at.Format(time.RFC3339), random.IntN(90), stars)
	}
	fmt.Fprintln(out, `\.`)
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

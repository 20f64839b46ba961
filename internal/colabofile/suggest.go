package colabofile

import "strings"

// nearest is the candidate that word is probably a misspelling of, or "".
func nearest(word string, candidates []string) string {
	limit := 4 // more letters wrong is another word
	switch length := len([]rune(word)); {
	case length <= 3:
		limit = 2
	case length <= 8:
		limit = 3
	}
	best := ""
	for _, candidate := range candidates {
		if candidate == word {
			continue
		}
		distance := editDistance(strings.ToLower(word), strings.ToLower(candidate), limit)
		if distance < limit && distance < len([]rune(candidate)) {
			best, limit = candidate, distance
		}
	}
	return best
}

// editDistance counts the letters to add, drop, change or swap with their neighbour to make b of a, up to limit.
func editDistance(a, b string, limit int) int {
	s, t := []rune(a), []rune(b)
	if d := len(s) - len(t); d >= limit || -d >= limit {
		return limit
	}
	before, previous, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(previous[j]+1, row[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, previous, row = previous, row, before
	}
	return previous[len(t)]
}

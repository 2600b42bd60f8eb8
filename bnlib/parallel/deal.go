package parallel

import "slices"

// Deal says who gets which images of a minibatch: it returns their order, each index of labels once, and the first device gets the
// first of so many equal parts, the second device the second, and so on.
type Deal func(labels []uint8, devices int) (order []int)

// InTurn deals images out one by one, as cards are: device d gets every image whose index leaves d when divided by their number. It is
// how norms.Ghost makes its ghost batches.
func InTurn(labels []uint8, devices int) (order []int) {
	for d := range devices {
		for i := d; i < len(labels); i += devices {
			order = append(order, i)
		}
	}
	return order
}

// Sorted deals images out by class: the first device gets zeros, then ones, and the last device nines. Nothing else of the minibatch
// changes.
func Sorted(labels []uint8, _ int) (order []int) {
	for i := range labels {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(i, j int) int { return int(labels[i]) - int(labels[j]) })
	return order
}

package data

// fewOnes is the least number of images that says how a set's ones lie.
const fewOnes = 20

// transposed reports whether a set looks like one of digits whose rows and columns are exchanged, as in the files of EMNIST:
// whether the ink of the images labelled 1 spreads at least twice as far to the sides as up and down. In MNIST it spreads
// two and a half times as far up and down.
func transposed(s Set) bool {
	var down, across float64
	ones := 0
	for i, label := range s.Labels {
		if label == 1 {
			ones++
			d, a := spread(s.Image(i))
			down, across = down+d, across+a
		}
	}
	return ones >= fewOnes && across > 4*down // variances: twice as far
}

// spread returns the variance of the row and of the column of an image's ink, in pixels squared.
func spread(image []uint8) (down, across float64) {
	var ink, row, column, rows, columns float64
	for i, pixel := range image {
		w, y, x := float64(pixel), float64(i/Side), float64(i%Side)
		ink, row, column = ink+w, row+w*y, column+w*x
		rows, columns = rows+w*y*y, columns+w*x*x
	}
	if ink == 0 {
		return 0, 0
	}
	row, column = row/ink, column/ink
	return rows/ink - row*row, columns/ink - column*column
}

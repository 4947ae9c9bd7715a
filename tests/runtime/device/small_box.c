int add(int a, int b, int c, int d) { return a + 10 * b + 100 * c + 1000 * d; }

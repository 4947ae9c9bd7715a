/* Another sandbox, which runs while the first is interrupted. */
int second_add(int a, int b)
{
    return a + b;
}

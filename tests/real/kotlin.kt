sealed interface Shape { val area: Double }
data class Circle(val r: Double) : Shape { override val area get() = 3.0 * r * r }
data class Rect(val w: Double, val h: Double) : Shape { override val area get() = w * h }
open class Node(val key: Int) { var left: Node? = null; var right: Node? = null }
class Wide(key: Int, val more: Long) : Node(key)

fun insert(root: Node?, n: Node): Node {
    if (root == null) return n
    if (n.key < root.key) root.left = insert(root.left, n) else root.right = insert(root.right, n)
    return root
}
fun walk(n: Node?, out: (Node) -> Unit) { if (n != null) { walk(n.left, out); out(n); walk(n.right, out) } }
class Odd(message: String, val at: Int) : Exception(message)
fun check(i: Int): Int = if (i % 7 == 3) throw Odd("odd $i", i) else i

fun main() {
    val shapes: List<Shape> = listOf(Circle(2.0), Rect(3.0, 4.5), Circle(0.5))
    println(shapes.sortedBy { it.area }.joinToString { "$it=${it.area}" })
    var root: Node? = null
    var x = 12345
    for (i in 0 until 2000) {
        x = (x * 1103515245 + 12345) and 0x7fffffff
        root = insert(root, if (i % 3 == 0) Wide(x % 10000, i.toLong() shl 33) else Node(x % 10000))
    }
    var sum = 0L; var wide = 0; var last = -1; var sorted = true
    walk(root) { sum += it.key; if (it is Wide) { wide++; sum = sum xor it.more }; sorted = sorted && it.key >= last; last = it.key }
    println("$sum $wide $sorted")
    var caught = 0
    for (i in 0 until 1000) try { check(i) } catch (e: Odd) { caught += e.at } finally { caught++ }
    println(caught)
    try { (shapes[0] as Any) as String } catch (e: ClassCastException) { println("cast") }
    try { arrayOf(1, 2)[x] } catch (e: IndexOutOfBoundsException) { println("bounds") }
    val words = mutableMapOf<String, Int>()
    for (w in "the quick brown fox jumps over the lazy dog the end".split(" ")) words[w] = (words[w] ?: 0) + 1
    println(words.entries.sortedWith(compareBy({ -it.value }, { it.key })).joinToString(" ") { "${it.key}:${it.value}" })
    val fib = generateSequence(0L to 1L) { (a, b) -> b to a + b }.map { it.first }.take(60).toList()
    println(fib.last())
    val garbage = StringBuilder()
    for (i in 0 until 20000) { val s = "n" + i; if (i % 5000 == 0) garbage.append(s) }
    println(garbage); println("\u00e4\u20ac\uD83D\uDE00".length); println(1.0 / 3); println((-7).floorDiv(2))
}

/// How long servers that strangers name may take.
struct HTTPPatience: Sendable {
    /// Until a connection stands.
    var connecting = Duration.seconds(10)
    /// Between two parts of an answer.
    var reading = Duration.seconds(20)
    /// Until the head of a web seed's answer, redirects included.
    var webSeed = Duration.seconds(15)
}

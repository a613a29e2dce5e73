//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import ExampleSupport

@Suite struct CommandLineOptionsTests {
  struct Declared {
    var options = CommandLineOptions(program: "proxy", summary: "A cache in front of an HTTP server.")
    let listen: CommandLineOptions.Option<Endpoint>
    let origin: CommandLineOptions.Option<OriginURL>
    let ttl: CommandLineOptions.Option<Duration>
    let size: CommandLineOptions.Option<Int>
    let threads: CommandLineOptions.Option<Int?>
    let verbose: CommandLineOptions.Option<Bool>

    init() {
      listen = options.option("listen", .endpoint, "ADDRESS", "where to listen", default: Endpoint("127.0.0.1", 8080))
      origin = options.required("origin", .origin, "URL", "the server to cache")
      ttl = options.option("ttl", .duration, "TIME", "how long to keep what says nothing", default: .seconds(60))
      size = options.option("memory", .byteSize, "SIZE", "how much memory to use", default: 256 << 20)
      threads = options.option("threads", .integer(1...64), "COUNT", "how many event loops to run")
      verbose = options.flag("verbose", "tell what happens")
    }
  }

  @Test func `values are read in both spellings, and what is not given has its default`() throws {
    let declared = Declared()
    let values = try declared.options.parse(["--origin", "http://localhost:8000/", "--ttl=5m", "--verbose", "--ttl=6m"])
    #expect(values[declared.origin] == OriginURL(host: "localhost", port: 8000))
    #expect(values[declared.ttl] == .seconds(360))
    #expect(values[declared.verbose])
    #expect(values[declared.listen] == Endpoint("127.0.0.1", 8080))
    #expect(values[declared.size] == 256 << 20)
    #expect(values[declared.threads] == nil)
  }

  static let mistakes: [([String], String)] = [
    (["--ttl", "5x"], "--ttl: \"5x\" is not a duration; write 30s, 5m, 1h or 500ms"),
    (["--memory=lots"], "--memory: \"lots\" is not a size in bytes; write 512, 64KiB, 256MiB or 2GiB"),
    (["--threads", "0"], "--threads: \"0\" is not a whole number from 1 to 64"),
    (["--listen", "80"], "--listen: \"80\" is not an address and port; write 127.0.0.1:8080, [::1]:8080 or :8080"),
    (["--origin", "https://a"], "--origin: \"https://a\" is not an http URL; only http:// is supported, without TLS"),
    (["--origin", "a:80"], "--origin: \"a:80\" is not a URL; write http://host:port"),
    (["--origin", "http://a/b"], "--origin: \"http://a/b\" has a path; write the origin alone: http://host:port"),
    (["--tll", "5s"], "there is no option --tll; did you mean --ttl?"),
    (["--ttl", "60"], "--ttl: 60 has no unit; write 60s for seconds, 60m for minutes"),
    (["--verbos"], "there is no option --verbos; did you mean --verbose?"),
    (["--tt"], "there is no option --tt; did you mean --ttl?"),
    (["--tab"], "there is no option --tab"),
    (["--thrills"], "there is no option --thrills"),
    (["--completely-different"], "there is no option --completely-different"),
    (["--ttl"], "--ttl needs a value: --ttl TIME"),
    (["--ttl", "--verbose"], "--ttl needs a value: --ttl TIME"),
    (["--verbose=yes"], "--verbose takes no value"),
    (["origin"], "\"origin\" is not an option; options begin with --"),
    ([], "--origin URL is missing: the server to cache"),
  ]

  @Test(arguments: mistakes)
  func `a mistake is explained`(_ arguments: [String], _ message: String) {
    #expect(throws: CommandLineError(message)) { try Declared().options.parse(arguments) }
  }

  @Test(arguments: [
    ("500ms", Duration.milliseconds(500)), ("30s", .seconds(30)), ("5m", .seconds(300)), ("1h", .seconds(3_600)),
    ("2d", .seconds(172_800)), ("0", .zero),
  ])
  func `durations`(_ text: String, _ duration: Duration) throws {
    #expect(try OptionKind<Duration>.duration.parse(text, "x") == duration)
  }

  @Test(arguments: [
    ("512", 512), ("64kb", 65_536), ("64KiB", 65_536), ("256MiB", 268_435_456), ("2g", 2 << 30), ("7b", 7),
  ])
  func `sizes`(_ text: String, _ size: Int) throws {
    #expect(try OptionKind<Int>.byteSize.parse(text, "x") == size)
  }

  @Test(arguments: [
    ("--wait", "0", "--wait: 0 is too little; the least is 1ms"), ("--wait", "99999d", "the most is 36525d"),
    ("--size", "1023", "--size: 1023 is too little; the least is 1KiB"), ("--size", "2KiB", nil),
    ("--wait", "1ms", nil),
  ])
  func `a value outside its range is refused with the range`(_ name: String, _ text: String, _ message: String?) {
    var options = CommandLineOptions(program: "p", summary: "s")
    _ = options.option("wait", .duration(atLeast: .milliseconds(1)), "TIME", "w", default: .seconds(1))
    _ = options.option("size", .byteSize(1_024...2_048), "SIZE", "s", default: 1_024)
    let parse = { _ = try options.parse([name, text]) }
    guard let message else {
      #expect(throws: Never.self) { try parse() }
      return
    }
    let error = #expect(throws: CommandLineError.self) { try parse() }
    #expect(error?.message.contains(message) == true)
  }

  @Test func `sections have titles, and the forms of values are said once`() {
    var options = CommandLineOptions(program: "p", summary: "s")
    options.beginSection("Times")
    _ = options.option("first", .duration, "TIME", "one", default: .seconds(1))
    _ = options.option("second", .duration, "TIME", "two", defaultText: "as the first")
    options.beginSection("Output")
    _ = options.flag("quiet", "print nothing")
    #expect(
      options.helpText == """
        s

        Usage: p [options]

        TIME is a whole number and its unit: 500ms, 30s, 5m, 1h, 2d; 0 needs no unit.

        Times:
          --first TIME   one (default: 1s)
          --second TIME  two (default: as the first)

        Output:
          --quiet        print nothing

          --help         print this text

        """)
  }

  @Test(arguments: ["", "-1", "1.5s", "99999999999999999999s", "9223372036854775807d", "s"])
  func `what is no duration`(_ text: String) {
    #expect(throws: CommandLineError.self) { try OptionKind<Duration>.duration.parse(text, "x") }
  }

  @Test(arguments: [
    ("127.0.0.1:80", Endpoint("127.0.0.1", 80)), ("[::1]:80", Endpoint("::1", 80)),
    ("localhost:0", Endpoint("localhost", 0)),
    (":8080", Endpoint("0.0.0.0", 8080)),
  ])
  func `endpoints`(_ text: String, _ endpoint: Endpoint) throws {
    #expect(try OptionKind<Endpoint>.endpoint.parse(text, "x") == endpoint)
  }

  @Test(arguments: ["", "a", "a:", "a:x", "a:70000", "[::1]", "::1:80", "a b:80"])
  func `what is no endpoint`(_ text: String) {
    #expect(throws: CommandLineError.self) { try OptionKind<Endpoint>.endpoint.parse(text, "x") }
  }

  @Test func `the help text is laid out for a person`() throws {
    #expect(
      Declared().options.helpText == """
        A cache in front of an HTTP server.

        Usage: proxy --origin URL [options]

        TIME is a whole number and its unit: 500ms, 30s, 5m, 1h, 2d; 0 needs no unit.
        SIZE is a whole number of bytes, or of KiB, MiB, GiB or TiB, each 1024 of the one before: 512,
        64KiB, 256MiB, 2GiB.

        Options:
          --listen ADDRESS  where to listen (default: 127.0.0.1:8080)
          --origin URL      the server to cache (required)
          --ttl TIME        how long to keep what says nothing (default: 1m)
          --memory SIZE     how much memory to use (default: 256MiB)
          --threads COUNT   how many event loops to run
          --verbose         tell what happens
          --help            print this text

        """)
    let error = #expect(throws: CommandLineError.self) { try Declared().options.parse(["--help"]) }
    #expect(error?.isHelp == true)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What the value of an option is: how it is read, and how it is shown.
public struct OptionKind<Value: Sendable>: Sendable {
  let parse: @Sendable (_ text: String, _ name: String) throws(CommandLineError) -> Value
  let describe: @Sendable (Value) -> String
  /// The forms that a value takes, in words that follow the placeholder: `is a whole number and its unit`. The help text says
  /// it once for all options of the kind.
  let forms: String?

  /// A kind of one's own.
  ///
  /// - Parameters:
  ///   - forms: The forms that a value takes, in words that follow the placeholder; nil when each option says that itself.
  ///   - parse: Reads a value; gets the option's name for the text of its error.
  ///   - describe: Shows a value as it would be typed.
  public init(
    forms: String? = nil,
    parse: @escaping @Sendable (_ text: String, _ name: String) throws(CommandLineError) -> Value,
    describe: @escaping @Sendable (Value) -> String
  ) {
    self.forms = forms
    self.parse = parse
    self.describe = describe
  }

  /// A value as it would be typed, for the text of an error.
  public func text(of value: Value) -> String { describe(value) }

  /// A kind that is made of text in a way that may fail.
  ///
  /// - Parameters:
  ///   - expectation: What the text should have been, and examples: `a duration; write 30s, 5m, 1h or 500ms`.
  ///   - forms: The forms that a value takes, in words that follow the placeholder; nil when each option says that itself.
  ///   - describe: Shows a value as it would be typed.
  ///   - read: The value; nil when the text is none.
  public init(
    _ expectation: String, forms: String? = nil, describe: @escaping @Sendable (Value) -> String,
    read: @escaping @Sendable (String) -> Value?
  ) {
    self.init(
      forms: forms,
      parse: { text, name throws(CommandLineError) in
        guard let value = read(text) else { throw CommandLineError("--\(name): \"\(text)\" is not \(expectation)") }
        return value
      }, describe: describe)
  }
}

extension OptionKind where Value: Comparable {
  /// The same kind, of values within `range` only.
  fileprivate func within(_ range: ClosedRange<Value>) -> OptionKind {
    OptionKind(
      forms: forms,
      parse: { text, name throws(CommandLineError) in
        let value = try parse(text, name)
        guard value >= range.lowerBound else {
          throw CommandLineError("--\(name): \(text) is too little; the least is \(describe(range.lowerBound))")
        }
        guard value <= range.upperBound else {
          throw CommandLineError("--\(name): \(text) is too much; the most is \(describe(range.upperBound))")
        }
        return value
      }, describe: describe)
  }
}

extension OptionKind where Value == String {
  /// Any text.
  public static var text: OptionKind { OptionKind("text", describe: { $0 }, read: { $0 }) }

  /// A token of HTTP (RFC 9110 §5.6.2).
  public static var token: OptionKind {
    OptionKind("a name; write letters, digits, - . _ and no spaces", describe: { $0 }) { text in
      text.isEmpty || !text.utf8.allSatisfy(Octet.isToken) ? nil : text
    }
  }
}

extension OptionKind where Value == Int {
  /// A whole number within `range`.
  public static func integer(_ range: ClosedRange<Int> = 0...Int.max) -> OptionKind {
    let bounds =
      range.upperBound == .max ? "of \(range.lowerBound) or more" : "from \(range.lowerBound) to \(range.upperBound)"
    return OptionKind("a whole number \(bounds)", describe: { String($0) }) { text in
      Int(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// A number of bytes, in units of 1024: `512`, `64kb`, `256MiB`, `2g`.
  public static var byteSize: OptionKind {
    OptionKind(
      "a size in bytes; write 512, 64KiB, 256MiB or 2GiB",
      forms:
        "is a whole number of bytes, or of KiB, MiB, GiB or TiB, each 1024 of the one before: 512, 64KiB, 256MiB, 2GiB",
      describe: describeSize
    ) { text in
      guard let (number, unit) = split(text) else { return nil }
      let shift: Int? =
        switch unit.lowercased() {
        case "", "b": 0
        case "k", "kb", "kib": 10
        case "m", "mb", "mib": 20
        case "g", "gb", "gib": 30
        case "t", "tb", "tib": 40
        default: nil
        }
      guard let shift else { return nil }
      let (size, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
      return overflow ? nil : size
    }
  }

  /// A number of bytes within `range`.
  public static func byteSize(_ range: ClosedRange<Int>) -> OptionKind { byteSize.within(range) }

  /// A number of bytes a second within `range`: `512`, `16KiB`, `16KiB/s`.
  public static func rate(_ range: ClosedRange<Int> = 0...Int.max) -> OptionKind {
    OptionKind(
      forms: "is a SIZE for each second: 512, 16KiB, 16KiB/s",
      parse: { text, name throws(CommandLineError) in
        try byteSize(range).parse(text.hasSuffix("/s") ? String(text.dropLast(2)) : text, name)
      }, describe: describeSize)
  }

  private static func describeSize(_ size: Int) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")]
    where size >= 1 << shift && size & ((1 << shift) - 1) == 0 {
      return "\(size >> shift)\(unit)"
    }
    return String(size)
  }
}

extension OptionKind where Value == Duration {
  /// A length of time: `500ms`, `30s`, `5m`, `1h`, `2d`.
  public static var duration: OptionKind {
    OptionKind(
      forms: "is a whole number and its unit: 500ms, 30s, 5m, 1h, 2d; 0 needs no unit",
      parse: { text, name throws(CommandLineError) in
        if let duration = readDuration(text) { return duration }
        if let (number, unit) = split(text), unit.isEmpty {
          throw CommandLineError(
            "--\(name): \(number) has no unit; write \(number)s for seconds, \(number)m for minutes")
        }
        throw CommandLineError("--\(name): \"\(text)\" is not a duration; write 30s, 5m, 1h or 500ms")
      }, describe: describeDuration)
  }

  private static func readDuration(_ text: String) -> Duration? {
    guard let (number, unit) = split(text) else { return nil }
    let milliseconds: Int? =
      switch unit {
      case "ms": 1
      case "s": 1_000
      case "m": 60_000
      case "h": 3_600_000
      case "d": 86_400_000
      default: number == 0 && unit.isEmpty ? 1 : nil
      }
    guard let milliseconds else { return nil }
    let (total, overflow) = number.multipliedReportingOverflow(by: milliseconds)
    return overflow ? nil : .milliseconds(total)
  }

  /// A length of time of at least `least`, for what would never happen in no time, and a century at most.
  public static func duration(atLeast least: Duration) -> OptionKind {
    duration.within(least...max(least, .seconds(36_525 * 86_400)))
  }

  private static func describeDuration(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    guard attoseconds == 0 else { return "\(seconds * 1_000 + attoseconds / 1_000_000_000_000_000)ms" }
    for (length, unit) in [(86_400, "d"), (3_600, "h"), (60, "m")] as [(Int64, String)]
    where seconds >= length && seconds % length == 0 {
      return "\(seconds / length)\(unit)"
    }
    return "\(seconds)s"
  }
}

extension OptionKind where Value == Endpoint {
  /// A host and port: `127.0.0.1:8080`, `[::1]:8080`, `:8080` for every address of this machine.
  public static var endpoint: OptionKind {
    OptionKind("an address and port; write 127.0.0.1:8080, [::1]:8080 or :8080", describe: { $0.description }) { text in
      if text.hasPrefix(":"), let port = Int(text.dropFirst()), (0...65_535).contains(port) {
        return Endpoint("0.0.0.0", port)
      }
      guard RequestTarget.isAuthority(text), let (host, port) = OriginURL.split(text), let port,
        (0...65_535).contains(port)
      else { return nil }
      return Endpoint(host, port)
    }
  }
}

extension OptionKind where Value == OriginURL {
  /// The URL of an origin server: `http://host:port`.
  public static var origin: OptionKind {
    OptionKind(
      parse: { text, name throws(CommandLineError) in
        do throws(InvalidURLError) {
          return try OriginURL(text)
        } catch {
          throw CommandLineError("--\(name): \(error)")
        }
      }, describe: { $0.description })
  }
}

/// A number and the unit behind it.
private func split(_ text: String) -> (number: Int, unit: String)? {
  let digits = text.prefix { $0.isASCII && $0.isNumber }
  guard let number = Int(digits) else { return nil }
  return (number, String(text[digits.endIndex...]))
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The options of a program, declared once: the parser and the help text both come from the declaration.
///
/// ```swift
/// var options = CommandLineOptions(program: "caching-proxy", summary: "A cache in front of an HTTP server.")
/// let listen = options.option("listen", .endpoint, "ADDRESS", "where to listen", default: Endpoint("127.0.0.1", 8080))
/// let origin = options.required("origin", .origin, "URL", "the server to cache")
/// let ttl = options.option("ttl", .duration, "TIME", "how long to keep what says nothing", default: .seconds(60))
/// let verbose = options.flag("verbose", "tell what happens")
/// let values = options.parseOrExit()
/// serve(values[listen], values[origin])
/// ```
public struct CommandLineOptions: Sendable {
  /// One declared option: what ``Values`` is asked with.
  public struct Option<Value: Sendable>: Sendable {
    let name: String
  }

  struct Declaration: Sendable {
    let name: String
    let section: String?
    let placeholder: String?
    let help: String
    let defaultText: String?
    /// The form of its values, in words that follow the placeholder.
    let forms: String?
    let isRequired: Bool
    let parse: @Sendable (String) throws(CommandLineError) -> any Sendable
  }

  /// What was given, with the defaults for what was not.
  public struct Values: Sendable {
    fileprivate var values: [String: any Sendable]

    /// The value of `option`.
    public subscript<Value>(option: Option<Value>) -> Value {
      guard let value = values[option.name] as? Value else {
        preconditionFailure("--\(option.name) belongs to other options than these")
      }
      return value
    }
  }

  let program: String
  let summary: String
  private(set) var declarations: [Declaration] = []
  private var section: String?
  private var defaults: [String: any Sendable] = [:]

  /// - Parameters:
  ///   - program: The program's name, as it is typed.
  ///   - summary: What it does, in a sentence.
  public init(program: String, summary: String) {
    self.program = program
    self.summary = summary
  }

  // MARK: Declaring

  /// Begins a section of the help text: the options that are declared from now on stand under `title`.
  public mutating func beginSection(_ title: String) { section = title }

  /// An option with a value, which has a default.
  ///
  /// - Parameters:
  ///   - name: Without the dashes.
  ///   - kind: What its value is.
  ///   - placeholder: What stands for the value in the help text.
  ///   - help: What it is for, in a few words.
  ///   - value: What it is when it is not given.
  public mutating func option<Value: Sendable>(
    _ name: String, _ kind: OptionKind<Value>, _ placeholder: String, _ help: String, default value: Value
  ) -> Option<Value> {
    declare(name, kind, placeholder, help, defaultText: kind.describe(value), isRequired: false)
    defaults[name] = value
    return Option(name: name)
  }

  /// An option with a value, which is nil when it is not given.
  ///
  /// - Parameters: as for ``option(_:_:_:_:default:)``, and
  ///   - defaultText: What the program does without it, for the help text: `half of --connections`.
  public mutating func option<Value: Sendable>(
    _ name: String, _ kind: OptionKind<Value>, _ placeholder: String, _ help: String, defaultText: String? = nil
  ) -> Option<Value?> {
    let optional = OptionKind<Value?>(
      forms: kind.forms, parse: { text, name throws(CommandLineError) in try kind.parse(text, name) },
      describe: { _ in "" })
    declare(name, optional, placeholder, help, defaultText: defaultText, isRequired: false)
    defaults[name] = Value?.none
    return Option(name: name)
  }

  /// An option that must be given.
  public mutating func required<Value: Sendable>(
    _ name: String, _ kind: OptionKind<Value>, _ placeholder: String, _ help: String
  ) -> Option<Value> {
    declare(name, kind, placeholder, help, defaultText: nil, isRequired: true)
    return Option(name: name)
  }

  /// An option without a value: it is there or not.
  public mutating func flag(_ name: String, _ help: String) -> Option<Bool> {
    declarations.append(
      Declaration(
        name: name, section: section, placeholder: nil, help: help, defaultText: nil, forms: nil, isRequired: false
      ) { _ in true })
    defaults[name] = false
    return Option(name: name)
  }

  private mutating func declare<Value: Sendable>(
    _ name: String, _ kind: OptionKind<Value>, _ placeholder: String, _ help: String, defaultText: String?,
    isRequired: Bool
  ) {
    precondition(!declarations.contains { $0.name == name }, "--\(name) is declared twice")
    declarations.append(
      Declaration(
        name: name, section: section, placeholder: placeholder, help: help, defaultText: defaultText,
        forms: kind.forms, isRequired: isRequired
      ) { text throws(CommandLineError) in try kind.parse(text, name) })
  }

  // MARK: Parsing

  /// The values in `arguments`, which do not include the program's name. The last of several wins.
  ///
  /// - Throws: ``CommandLineError``, whose text is for the person who typed them.
  public func parse(_ arguments: [String]) throws(CommandLineError) -> Values {
    var values = Values(values: defaults)
    var index = 0
    while index < arguments.count {
      let argument = arguments[index]
      index += 1
      guard argument != "--help", argument != "-h" else { throw CommandLineError(help: helpText) }
      guard argument.hasPrefix("--"), argument.count > 2 else {
        throw CommandLineError("\"\(argument)\" is not an option; options begin with --")
      }
      let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard let declaration = declarations.first(where: { $0.name == name }) else { throw unknown(name) }
      guard declaration.placeholder != nil else {
        guard parts.count == 1 else { throw CommandLineError("--\(name) takes no value") }
        values.values[name] = try declaration.parse("")
        continue
      }
      if parts.count == 2 {
        values.values[name] = try declaration.parse(String(parts[1]))
        continue
      }
      guard index < arguments.count, !arguments[index].hasPrefix("--") else {
        throw CommandLineError("--\(name) needs a value: --\(name) \(declaration.placeholder ?? "VALUE")")
      }
      values.values[name] = try declaration.parse(arguments[index])
      index += 1
    }
    if let missing = declarations.first(where: { $0.isRequired && values.values[$0.name] == nil }) {
      throw CommandLineError("--\(missing.name) \(missing.placeholder ?? "") is missing: \(missing.help)")
    }
    return values
  }

  /// The values in the arguments of this process. Prints the help text and exits with 0 when that is asked for; says what
  /// is wrong and exits with 2 when something is.
  public func parseOrExit() -> Values { parseOrExit { $0 } }

  /// The result of `make` for the values in the arguments of this process. Prints and exits as ``parseOrExit()`` does, also when
  /// `make` throws: for what only the program can tell, such as two options that need each other.
  public func parseOrExit<Result>(_ make: (Values) throws(CommandLineError) -> Result) -> Result {
    do throws(CommandLineError) {
      return try make(parse(Array(CommandLine.arguments.dropFirst())))
    } catch {
      if error.isHelp {
        print(error.message, terminator: "")
        exit(0)
      }
      Console.complain("\(program): \(error.message)\nTry \"\(program) --help\".")
      exit(2)
    }
  }

  private func unknown(_ name: String) -> CommandLineError {
    let names = declarations.map(\.name) + ["help"]
    let nearest = names.map { (name: $0, distance: editDistance($0, name)) }.min { $0.distance < $1.distance }
    guard let nearest, nearest.distance <= min(3, max(1, name.count / 3)) else {
      return CommandLineError("there is no option --\(name)")
    }
    return CommandLineError("there is no option --\(name); did you mean --\(nearest.name)?")
  }

  private func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right.utf8)
    var row = Array(0...right.count)
    for (line, octet) in left.utf8.enumerated() {
      var diagonal = row[0]
      row[0] = line + 1
      for (column, other) in right.enumerated() {
        let substitution = diagonal + (octet == other ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(substitution, diagonal + 1, row[column] + 1)
      }
    }
    return row[right.count]
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CommandLineOptions {
  /// The text for `--help`, laid out in two columns.
  public var helpText: String {
    var text = "\(summary)\n\nUsage: \(program)"
    for declaration in declarations where declaration.isRequired { text += " " + label(declaration) }
    text += " [options]\n"
    let forms = forms
    if !forms.isEmpty { text += "\n" + forms.map { wrap($0, indent: 0, startsIndented: false) }.joined() }
    let width = min(30, declarations.map { label($0).count }.max() ?? 0)
    var section: String?
    if declarations.first?.section == nil { text += "\nOptions:\n" }
    for declaration in declarations {
      if let title = declaration.section, title != section { text += "\n\(title):\n" }
      section = declaration.section
      text += row(label(declaration), description(declaration), width)
    }
    return text + (section == nil ? "" : "\n") + row("--help", "print this text", width)
  }

  /// The forms of values, once for each placeholder.
  private var forms: [String] {
    var forms: [String] = []
    for declaration in declarations {
      guard let placeholder = declaration.placeholder, let form = declaration.forms else { continue }
      let line = "\(placeholder) \(form)."
      if !forms.contains(line) { forms.append(line) }
    }
    return forms
  }

  private func row(_ label: String, _ help: String, _ width: Int) -> String {
    guard label.count <= width else { return "  \(label)\n" + wrap(help, indent: width + 4, startsIndented: true) }
    let padding = String(repeating: " ", count: width - label.count + 2)
    return "  \(label)\(padding)" + wrap(help, indent: width + 4, startsIndented: false)
  }

  func label(_ declaration: Declaration) -> String {
    declaration.placeholder.map { "--\(declaration.name) \($0)" } ?? "--\(declaration.name)"
  }

  private func description(_ declaration: Declaration) -> String {
    if declaration.isRequired { return declaration.help + " (required)" }
    return declaration.defaultText.map { "\(declaration.help) (default: \($0))" } ?? declaration.help
  }

  private func wrap(_ text: String, indent: Int, startsIndented: Bool) -> String {
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = [""]
    for word in text.split(separator: " ") {
      let last = lines[lines.count - 1]
      if !last.isEmpty, indent + last.count + 1 + word.count > 100 {
        lines.append(String(word))
      } else {
        lines[lines.count - 1] = last.isEmpty ? String(word) : "\(last) \(word)"
      }
    }
    return (startsIndented ? margin : "") + lines.joined(separator: "\n" + margin) + "\n"
  }
}

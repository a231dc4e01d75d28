"""Checks that the pages of an unpacked release find there what they link to: python3 tests/links.py <folder>"""
import re
import sys
from pathlib import Path

folder = Path(sys.argv[1])
pages = [folder / "README.md", *sorted((folder / "docs").glob("*.md"))]
missing = []
for page in pages:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path = link.split("#")[0]
        if path and "://" not in path and not (page.parent / path).exists():
            missing.append(f"{page.relative_to(folder)} links to {path}, which is not in the archive")
if len(pages) < 10 or missing:
    sys.exit("\n".join(missing) or f"only {len(pages)} pages in {folder}")

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('exportapp', '0005_options'),
    ]

    operations = [
        migrations.AddField(
            model_name='exportjob',
            name='sheets',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='exportshard',
            name='sheet',
            field=models.PositiveSmallIntegerField(default=0),
        ),
    ]
